{{ header('LYRA') }}
