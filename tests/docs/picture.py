"""docs/picture: docs/picture.svg is what Graphviz draws from docs/picture.dot.

Compared are the words and the number of shapes: another version of Graphviz
may place them otherwise.
"""

import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "checks"))
import common


def content(svg):
    return (re.findall(r"<text[^>]*>([^<]*)</text>", svg),
            {shape: len(re.findall(rf"<{shape}\b", svg))
             for shape in ("path", "polygon", "ellipse")})


def main():
    common.need("dot")
    docs = HERE.parents[1] / "docs"
    drawn = subprocess.run(["dot", "-Tsvg", str(docs / "picture.dot")],
                           stdout=subprocess.PIPE, text=True, check=True).stdout
    if content(drawn) != content((docs / "picture.svg").read_text()):
        print("docs/picture.svg: dot draws something else from picture.dot")
        sys.exit(1)
    print(f"{len(content(drawn)[0])} words, 0 findings")


main()
