{{ detail('LYRA') }}
