"""Tests that are one more of a kind of which CI runs another: `make test-all` runs them too.

CI has twenty minutes. What stands here costs the most processor time of all tests, and each has a
near relative that stays: the same promise at another place, in another order, of another size.
"""

from __future__ import annotations

import os

VARIABLE = "AI_DATAFLOW_ALL_TESTS"
# Parts of tests' names.
_FURTHER = (
    "test_bench.py::test_a_case_runs_and_says_where_the_time_goes[changed]",
    "test_bench.py::test_a_case_runs_and_says_where_the_time_goes[extraction]",
    "test_bench.py::test_a_case_runs_and_says_where_the_time_goes[growth]",
    "test_bench.py::test_a_case_runs_and_says_where_the_time_goes[peers_broken]",
    "test_bench.py::test_a_case_runs_and_says_where_the_time_goes[skewed]",
    "test_bench.py::test_a_case_runs_and_says_where_the_time_goes[storage]",
    "test_bench.py::test_a_case_runs_and_says_where_the_time_goes[text]",
    "test_spark_runs.py::test_executors_of_a_connect_server_take_no_other_version_either",
    "test_spark_runs.py::test_executors_take_the_package_that_they_are_sent",
    "test_spark_runs.py::test_executors_that_lack_packages_are_told",
    "test_spark_runs.py::test_the_real_case_is_made_through_connect_as_locally",
    "ui/test_running.py::test_a_range_makes_what_it_names_in_one_run[one partition]",
    "ui/test_running.py::test_all_makes_all_in_one_run",
    "ui/test_running.py::test_scattered_partitions_are_one_run",
    "test_nothing_older_comes_back_in_a_storage_account[first run stopped, run in between]",
    "test_nothing_older_comes_back_in_a_storage_account[replay stopped, run in between]",
    "test_nothing_older_comes_back_in_a_storage_account[run late, run in between]",
    "test_nothing_older_comes_back_in_a_storage_account[run stopped, vacuum in between]",
    "test_oracle.py::test_each_client_comes_to_the_same_on_spark",
    "test_oracle.py::test_each_client_comes_to_what_the_oracle_says[1]",
    "test_demo_azure.py::test_azure_gives_what_files_give",
    "test_what_another_machine_mended_is_well_and_told[(datetime.timedelta(days=1), "
    "datetime.timedelta(0))]",
    "test_cli.py::test_status_tells_what_is_wrong_and_since_when",
    "stays_away_keeps_its_old_data[a data file]",
    "test_templates.py::test_who_is_copied_leaves_when_nobody_needs_it",
    "test_queueing.py::test_a_retry_of_what_nobody_owns_is_the_platform_teams",
    "test_contract_lint.py::test_datacontract_cli_takes_a_contract",
    "test_every_mutant_is_noticed_or_does_no_harm[workbooks-ai_mapping]",
)


def is_left_out(name: str) -> bool:
    """Tell whether a test, by its name, is not run now."""
    return VARIABLE not in os.environ and any(part in name for part in _FURTHER)
