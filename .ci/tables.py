#!/usr/bin/env python3
"""Writes the tables that no library has, from what ISO and Unicode publish.

  .ci/tables.py           writes them
  .ci/tables.py --check   fails when a table in the repository isn't what the sources say

Needs pip and npm. Sources, pinned below:
  - ISO 4217 list one (current currencies and funds), as the PyPI package iso4217 carries SIX's XML;
  - Unicode CLDR, as its npm packages cldr-core and cldr-numbers-full carry it (licence Unicode-3.0).
To go to a newer edition, raise the versions, run it, and read what changed.
"""
import json
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

ISO_4217 = "1.16.20260101"
CLDR = "48.2.0"

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 110


def iso_4217(folder):
    """The date of list one, and its codes by minor unit, None for those that have none."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--dest", folder, f"iso4217=={ISO_4217}"], check=True)
    with zipfile.ZipFile(next(Path(folder).glob("iso4217-*.whl"))) as wheel:
        table = ElementTree.fromstring(wheel.read("iso4217/table.xml"))
    codes = {}
    for entry in table.iter("CcyNtry"):
        if code := entry.findtext("Ccy"):
            unit = entry.findtext("CcyMnrUnts")
            codes.setdefault(None if unit == "N.A." else int(unit), set()).add(code)
    return table.attrib["Pblshd"], codes


class Cldr:
    def __init__(self, folder, package):
        subprocess.run(["npm", "pack", "--silent", f"{package}@{CLDR}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        self.files = tarfile.open(next(Path(folder).glob(f"{package}-{CLDR}.tgz")))

    def names(self):
        return self.files.getnames()

    def read(self, name, *path):
        data = json.load(self.files.extractfile(f"package/{name}"))
        for key in path:
            data = data[key]
        return data


def words(codes, indent):
    """Codes as one string literal over several lines."""
    lines, line = [], ""
    for code in sorted(codes):
        if len(indent) + len(line) + len(code) + 2 > WIDTH:
            lines.append(line)
            line = ""
        line += code + " "
    lines.append(line.rstrip())
    return f"\\\n{indent}" .join(lines)


def constant(doc, name, codes, visibility):
    return f'/// {doc}\n{visibility} const {name}: &str = "\\\n    {words(codes, "    ")}";\n'


def customer_tables(iso, core):
    published, by_unit = iso
    supplemental = "supplemental/{}.json"
    territories = set(core.read(supplemental.format("territoryInfo"), "supplemental", "territoryInfo"))
    for group, held in core.read(supplemental.format("territoryContainment"), "supplemental", "territoryContainment").items():
        territories |= {group.split("-")[0], *held["_contains"]}
    units = "".join(
        f'    ({unit}, "\\\n     {words(by_unit[unit], "     ")}"),\n' for unit in sorted(unit for unit in by_unit if unit is not None))
    return f"""\
//! Written by `.ci/tables.py`: change that, not this.
//!
//! Sources: ISO 4217 list one of {published} (`iso4217` {ISO_4217} on `PyPI`); Unicode CLDR {CLDR}, supplemental data
//! (`cldr-core` on npm; licence Unicode-3.0).

/// When ISO published the list of currencies.
pub(super) const CURRENCIES_OF: &str = "{published}";

/// The codes of currencies and funds by the decimals of their minor unit.
#[rustfmt::skip]
pub(super) const CURRENCIES: &[(u8, &str)] = &[
{units}];

{constant("Codes that have no minor unit: metals, units of account between banks, tests, no currency at all.", "WITHOUT_MINOR_UNIT", by_unit[None], "pub(super)")}
{constant("The regions of the world, and the groups of them, that a locale can name.", "REGIONS", territories - {"ZZ"}, "pub(super)")}"""


def letter_tables(core, numbers):
    supplemental = "supplemental/{}.json"
    # American English is what `en` itself holds, so it is no locale of its own.
    tags = core.read("availableLocales.json", "availableLocales", "full") + core.read("defaultContent.json", "defaultContent")
    english = [tag.removeprefix("en-") for tag in tags if tag.startswith("en-")]
    english = [region for region in english if len(region) < 4]
    contains = core.read(supplemental.format("territoryContainment"), "supplemental", "territoryContainment")

    def within(group):
        return {group}.union(*(within(region) for region in contains.get(group, {"_contains": []})["_contains"]))

    europe = {region for region in within("150") if region.isalpha()}
    hours = core.read(supplemental.format("timeData"), "supplemental", "timeData")
    twelve = [region for region, cycles in hours.items() if cycles["_preferred"] == "h" and "-" not in region]

    separators = ""
    for name in sorted(numbers.names()):
        if not name.endswith("/numbers.json"):
            continue
        tag = name.split("/")[2]
        data = numbers.read(f"main/{tag}/numbers.json", "main", tag, "numbers")
        symbols = data[f"symbols-numberSystem-{data['defaultNumberingSystem']}"]
        if {"currencyGroup", "currencyDecimal"} & set(symbols):
            group, decimal = (symbols.get(key, "") for key in ("currencyGroup", "currencyDecimal"))
            separators += f'    ("{tag}", "{group}", "{decimal}"),\n'
    return f"""\
//! Written by `.ci/tables.py`: change that, not this.
//!
//! Source: Unicode CLDR {CLDR} (`cldr-core` and `cldr-numbers-full` on npm; licence Unicode-3.0).

/// Locales whose amounts of money have separators of their own: between groups of digits, and before the decimals. Empty
/// where numbers' own serve (`currencyGroup` and `currencyDecimal`, UTS #35 part 3, "Number Symbols").
#[rustfmt::skip]
pub(super) const OF_MONEY: &[(&str, &str, &str)] = &[
{separators}];

{constant("Regions that CLDR has an English of.", "WITH_ENGLISH", english, "pub(super)")}
{constant("The regions of Europe (UN M49 150).", "EUROPE", europe, "pub(super)")}
{constant("Regions that tell time by twelve hours (`timeData`; all others by 24).", "TWELVE_HOURS", twelve, "pub(super)")}"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        core, numbers = Cldr(folder, "cldr-core"), Cldr(folder, "cldr-numbers-full")
        tables = {
            "functions/pulse-core/src/customer/tables.rs": customer_tables(iso_4217(folder), core),
            "functions/pulse-letters/src/tables.rs": letter_tables(core, numbers),
        }
    other = [name for name, text in tables.items() if not (ROOT / name).is_file() or (ROOT / name).read_text("utf-8") != text]
    if "--check" not in sys.argv[1:]:
        for name in other:
            (ROOT / name).write_text(tables[name], "utf-8")
    elif other:
        sys.exit("Not what the sources say, or changed by hand: " + ", ".join(other) + ". Run .ci/tables.py")


if __name__ == "__main__":
    main()
