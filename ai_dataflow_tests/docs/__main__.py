"""Make all pages anew that are made from the code: `python -m ai_dataflow_tests.docs`."""

from ai_dataflow_tests.docs.pages import PAGES, path

for name, make in PAGES.items():
    file = path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(make(), encoding="utf-8")
    print(file.relative_to(file.parents[len(name.split("/"))]))
