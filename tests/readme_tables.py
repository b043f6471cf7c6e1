"""The tables of options in README.md. `python -m tests.readme_tables` rewrites them.

A table is between the lines `<!-- options: generation -->` and `<!-- /options -->`.
"""

import re
from pathlib import Path

from chargen.cli.options import flag
from chargen.comparison.options import ComparisonOptions
from chargen.evaluation.inspection import InspectionSettings
from chargen.generation.settings import GenerationSettings
from chargen.options import Option, options_of
from chargen.text.kind import TextOptions
from chargen.training.options import TrainingOptions

README = Path(__file__).parents[1] / "README.md"
TABLES = {
    "generation": GenerationSettings,
    "inspection": InspectionSettings,
    "texts": TextOptions,
    "training": TrainingOptions,
    "comparison": ComparisonOptions,
}


def make_table(options: type) -> str:
    """Return a Markdown table of the options of a dataclass, as named on the command line."""
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for each in options_of(options).values():
        names = ", ".join(f"`{name}`" for name in each.flags or (flag(each),))
        rows.append(f"| {names} | {each.default_text} | {_meaning(each)} |")
    return "\n".join(rows) + "\n"


def _meaning(declared: Option) -> str:
    if all(value in declared.help for value in declared.choices):
        return declared.help
    return f"{declared.help} ({', '.join(declared.choices)})"


def update(readme: str) -> str:
    """Return the text of a README with all of its tables rewritten."""

    def rewrite(block: re.Match[str]) -> str:
        return f"{block[1]}{make_table(TABLES[block[2]])}{block[3]}"

    pattern = r"(<!-- options: (\w+) -->\n).*?(<!-- /options -->)"
    return re.sub(pattern, rewrite, readme, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(update(README.read_text(encoding="utf-8")), encoding="utf-8")
