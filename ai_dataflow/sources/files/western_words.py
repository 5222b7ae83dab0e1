"""Words of Western Europe: whether what a text says in Windows-1252 is one of its languages.

Files of that encoding are by far the most that are not UTF-8, and the bytes of an Italian town are
a word in Czech letters too. So it comes before its kin where all its words are such as Danish,
Dutch, English, Finnish, French, German, Italian, Norwegian, Portuguese, Spanish or Swedish have
them, and where what other languages of Europe would look like in it is not there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LETTERS = "äöüßáéíóúâîôçñàèìòùêëïûœæøåãõ"
_SIGNS = "€£§°²³µ«»“”„‘’–—…·ºª©®™½¼¾±×¿¡´"
_VOWELS = "aeiouyäöüáéíóúâîôàèìòùêëïû"
# What Czech, Hungarian, Polish and their neighbours are in these letters, and Baltic languages.
_ELSEWHERE = re.compile(
    rf"[{_LETTERS}]{{3}}"  # Cyrillic, Greek, Hebrew
    rf"|è[{_VOWELS}]|[ae]è"  # Kuèera, Kovaè
    r"|[ìòùà]\w"  # Nìmec, Rùžièka
    r"|æ\b"  # Kneževiæ
    rf"|[{_VOWELS}]ø|ø[aeiou]"  # Kuøim, Pøerov
    r"|[^\W\d_][“„«‘€£§¿¡±×°]"  # no sign that begins something
    rf"|ñ(?![{_VOWELS}])"  # Gdañsk
    r"|õ(?!e)|ã(?![oe]|\b)"  # Tõke; Brãila
    r"|ê[bdgkwz]"  # Piêkna
    r"|(?<![oaq])(?<!br|fl|je)(?<!\bd|\bs|\bm)û"  # Fûtés, and not coûté, sûreté
    rf"|(?<![{_VOWELS}])[ëï]"  # Vëlius
)
_NORDIC, _OF_ROMANCE, _OF_HUNGARIAN = set("åøæ"), set("èìòùàêïûãõñáíóú"), set("áíóúöü")


def is_western(words: Sequence[str]) -> bool:
    """Tell whether words, each with a letter or sign that ASCII lacks, are of Western Europe."""
    lower = [word.lower() for word in words]
    return all(map(_is_word, lower)) and not _is_mixed(set("".join(lower)))


def _is_word(word: str) -> bool:
    is_spelled = all(c.isascii() or c in _LETTERS or c in _SIGNS for c in word)
    is_mixed = bool(_NORDIC & set(word)) and bool(_OF_ROMANCE & set(word))
    return is_spelled and not is_mixed and not _ELSEWHERE.search(word)


def _is_mixed(letters: set[str]) -> bool:
    """Tell of letters that no language has beside each other."""
    is_hungarian = "û" in letters and bool(_OF_HUNGARIAN & letters)
    return is_hungarian or (bool({"å", "ø"} & letters) and bool(set("èìòù") & letters))
