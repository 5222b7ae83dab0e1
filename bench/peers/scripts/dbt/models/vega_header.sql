{{ header('VEGA') }}
