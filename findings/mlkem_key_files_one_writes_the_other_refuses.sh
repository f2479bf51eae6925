#!/usr/bin/env bash
# RFC 9935 has three forms of an ML-KEM private key in PKCS #8: the seed of 64 bytes, the expanded key, and both. kyber-py
# writes both where it is given both and told nothing. The package cryptography opens the seed alone: what has both is
# refused like a damaged file, although it begins with that seed. OpenSSL, which is inside of cryptography, is not the
# reason: Node 24.22 opened all three over OpenSSL 3.5, and wrote what had both as a seed again. So a server's key, or one
# from a backup, opens in some services and not in others, by which tool wrote it. Keep the 64 bytes, and write the form
# `seed`, which all of these read; nobody gets a seed back from an expanded key.
#
# Seen with kyber-py 1.2.0 and cryptography 50.0.2, on Linux on x86-64; Node was tried apart from this script:
#
#   default, 2498 bytes: ValueError: Could not deserialize key data
#   both, 2498 bytes: ValueError: Could not deserialize key data
#   expanded, 2428 bytes: ValueError: Could not deserialize key data
#   seed, 86 bytes: opened, and written again as it was
#
# Fails if that changes. Wants Python 3 with venv, and installs into a folder of its own, which it removes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'kyber-py[pkcs]==1.2.0' ecdsa==0.19.1 cryptography==50.0.2

cat >"$folder/seen.py" <<'END'
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from kyber_py.ml_kem import ML_KEM_768
from kyber_py.ml_kem.pkcs import dk_from_der, dk_to_der

SEED = bytes(range(64))
_, expanded = ML_KEM_768.key_derive(SEED)
FORMS = {
    "default": dk_to_der(ML_KEM_768, dk=expanded, seed=SEED),
    "both": dk_to_der(ML_KEM_768, dk=expanded, seed=SEED, form="both"),
    "expanded": dk_to_der(ML_KEM_768, dk=expanded, form="expanded"),
    "seed": dk_to_der(ML_KEM_768, seed=SEED, form="seed"),
}

for form, der in FORMS.items():
    _, read_expanded, read_seed, _ = dk_from_der(der)
    assert read_expanded == expanded and read_seed in (SEED, None), "kyber-py does not read what it wrote"
    try:
        key = load_der_private_key(der, None)
        assert key.private_bytes_raw() == SEED
        same = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) == der
        print(f"{form}, {len(der)} bytes: opened, and written again {'as it was' if same else 'otherwise'}")
    except ValueError as error:
        print(f"{form}, {len(der)} bytes: {type(error).__name__}: {str(error).split('.')[0]}")
END

"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/output"
diff - "$folder/output" <<'END'
default, 2498 bytes: ValueError: Could not deserialize key data
both, 2498 bytes: ValueError: Could not deserialize key data
expanded, 2428 bytes: ValueError: Could not deserialize key data
seed, 86 bytes: opened, and written again as it was
END
echo "as it was seen"
