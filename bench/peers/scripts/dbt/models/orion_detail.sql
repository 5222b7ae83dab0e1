{{ detail('ORION') }}
