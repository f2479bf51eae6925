#!/usr/bin/env bash
# A safety number is digits in groups. In a text that runs from right to left, as the interface does in Arabic, Hebrew or
# Persian, the groups stand in reverse, since each is a number of its own, while the digits in each stay as they are. It
# depends on what is between them: a space, a thin space or two no-break spaces turn them round; one no-break space, a
# narrow one or a hyphen does not, since with that the algorithm takes the whole for one number. So two people who hold
# their telephones side by side see other numbers, and a picture of one, or the digits copied from a screenshot, do not
# fit the other, although all is well. Isolates (U+2066 and U+2069), or an element with `dir="ltr"`, keep the groups in
# their order whatever is between them.
#
# Seen with bidi-js 1.1.0 (Unicode's algorithm) in Node 20.20; of a space, the two single no-break spaces and a
# hyphen Chromium 156 makes the same:
#
#   space: 13579 24680 67890 12345
#   thin space: 13579 24680 67890 12345
#   two no-break spaces: 13579 24680 67890 12345
#   no-break space: 12345 67890 24680 13579
#   narrow no-break space: 12345 67890 24680 13579
#   hyphen: 12345 67890 24680 13579
#   space, in isolates: 12345 67890 24680 13579
#
# Fails if that changes. Wants Node 20 with npm, and installs into a folder of its own, which it removes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"type": "module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts bidi-js@1.1.0

cat >seen.js <<'END'
import bidiFactory from "bidi-js";

const bidi = bidiFactory();
const groups = ["12345", "67890", "24680", "13579"];

/** The groups in the order in which they are seen from the left, in a paragraph that runs from right to left. */
const seen = (text) => bidi.getReorderedString(text, bidi.getEmbeddingLevels(text, "rtl")).match(/\d+/gu).join(" ");

for (const [name, between] of [
  ["space", " "],
  ["thin space", "\u2009"],
  ["two no-break spaces", "\u00a0\u00a0"],
  ["no-break space", "\u00a0"],
  ["narrow no-break space", "\u202f"],
  ["hyphen", "-"],
]) {
  console.log(`${name}: ${seen(groups.join(between))}`);
}
console.log(`space, in isolates: ${seen(`\u2066${groups.join(" ")}\u2069`)}`);
END

node seen.js | tee output
diff - output <<'END'
space: 13579 24680 67890 12345
thin space: 13579 24680 67890 12345
two no-break spaces: 13579 24680 67890 12345
no-break space: 12345 67890 24680 13579
narrow no-break space: 12345 67890 24680 13579
hyphen: 12345 67890 24680 13579
space, in isolates: 12345 67890 24680 13579
END
echo "as it was seen"
