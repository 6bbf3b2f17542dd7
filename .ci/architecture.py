"""Holds the programs that `sam build` packed against the processors that the built template runs them on.

    python architecture.py [FOLDER]

FOLDER is what `sam build` wrote, .aws-sam/build unless another is named. A program for another processor, or one that
is no Linux program, ends this with 1: deployed, its function would die at every start. Needs nothing but Python.
"""

import pathlib
import re
import struct
import sys

# Values of e_machine (System V Application Binary Interface, "ELF Header").
MACHINES = {62: "x86_64", 183: "arm64"}

# e_machine is the third field of the header: after 16 bytes of identification, of which the fifth says 64 bits and
# the sixth little-endian, and the 2 bytes of e_type.
HEADER = struct.Struct("<4sBB10xHH")


def architecture_of(program):
    """The processor that a program is for, in Lambda's words."""
    with open(program, "rb") as file:
        head = file.read(HEADER.size)
    if len(head) < HEADER.size:
        return "nothing: it has no ELF header"
    magic, bits, order, _, machine = HEADER.unpack(head)
    if (magic, bits, order) != (b"\x7fELF", 2, 1):
        return "nothing: it has no ELF header of a 64-bit, little-endian program"
    return MACHINES.get(machine, f"machine {machine}")


def wanted(template):
    """The processor in the template's Globals, which each of its functions has."""
    found = re.findall(r"^ *Architectures:(?: *\[ *(\w+) *\]|\n *- *(\w+))$", template, re.MULTILINE)
    named = {flow or block for flow, block in found}
    if len(named) != 1 or not named <= set(MACHINES.values()):
        sys.exit(f"The built template should name one of {sorted(MACHINES.values())}, and names {sorted(named)}.")
    return named.pop()


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".aws-sam/build")
    try:
        architecture = wanted((folder / "template.yaml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit(f"There is no built template in {folder}: run `sam build` first.")
    programs = sorted(folder.glob("*/bootstrap"))
    if not programs:
        sys.exit(f"There is no program in {folder}: run `sam build`.")
    wrong = [f"{program} is for {found}" for program in programs if (found := architecture_of(program)) != architecture]
    if wrong:
        sys.exit(f"The functions run on {architecture}, and {'; '.join(wrong)}. Don't deploy it: run `sam build` again.")
    print(f"{len(programs)} programs are for {architecture}, and so are their functions.")


if __name__ == "__main__":
    main()
