{{ detail('VEGA') }}
