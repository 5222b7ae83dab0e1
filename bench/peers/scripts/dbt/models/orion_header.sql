{{ header('ORION') }}
