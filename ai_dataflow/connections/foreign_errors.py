"""What libraries raise of a storage account. Who imports this has deltalake as well."""

from deltalake.exceptions import DeltaError

from ai_dataflow.connections.account_errors import OF_STORES

# Polars' own errors are mostly about data.
FOREIGN = (*OF_STORES, DeltaError)
