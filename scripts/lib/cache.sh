# Finished roots as archives in $CACHE, which outlives one checkout and is shared by all.
# shellcheck shell=bash

# keep ARCHIVE COMMAND...: the tar that a command writes. Whoever looks sees all of it or nothing.
keep() {
    local archive=$1 part
    shift
    mkdir -p "$CACHE"
    part=$(mktemp "$archive.XXXXXX.part")
    if ! "$@" | zstd -q -T0 -1 -f -o "$part"; then
        rm -f "$part"
        die "$1 failed, nothing was kept"
    fi
    chmod 644 "$part"
    mv "$part" "$archive"
}

# unpack ARCHIVE ROOT: ROOT anew. An archive that cannot be read is taken away, and so is what came of it.
unpack() {
    rm -rf --one-file-system "$2"
    mkdir -p "$2"
    if zstd -dc "$1" | tar -x --numeric-owner --xattrs --xattrs-include='*' -C "$2"; then return; fi
    say "$1 is damaged and was deleted"
    rm -rf --one-file-system "$1" "$2"
    return 1
}

# forget_old: what nobody has started from for two weeks, and the rest of what was cut short.
forget_old() { find "$CACHE" \( -name '*.tar.zst' -atime +14 -o -name '*.part' -mtime +1 \) -delete; }
