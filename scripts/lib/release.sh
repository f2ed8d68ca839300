# What lies beside an image, whoever packed it: block map, bill of materials, an example of the card, checksums.
# shellcheck shell=bash

# A program of the tools root where there is one, else this machine's: pi-gen also builds where that root cannot be.
program() {
    if [ -e "$BUILD/root-tools.key" ]; then "$TREE/scripts/tool" "$@"; else "$@"; fi
}

# describe_image IMAGE STATUS: everything but the packed file; STATUS is dpkg's list of what the image holds.
describe_image() {
    local base=${1%.img}
    rm -f "$base".{bmap,spdx.json,card-example.svg,sha256}
    program bmaptool -q create -o "$base.bmap" "$1"
    program python3 "$TREE/scripts/sbom" "$2" "${base##*/}" >"$base.spdx.json"
    # The card itself is made on the device, whose secrets stand on it; this is what to look for on the boot partition.
    cp "$TREE/docs/pictures/card.svg" "$base.card-example.svg"
}

# release_image IMAGE: checksums of IMAGE.xz and of what describes it; none may be missing.
release_image() {
    local file files=("${1##*/}".xz)
    for file in bmap spdx.json card-example.svg; do files+=("$(basename "$1" .img).$file"); done
    (
        cd "$(dirname "$1")" || exit
        for file in "${files[@]}"; do [ -s "$file" ] || die "there is no $file beside $1"; done
        sha256sum "${files[@]}" >"$(basename "$1" .img).sha256"
    )
}
