"""Every regular expression of the project, and hostile texts for each of them."""

import ast
import importlib
import pkgutil
import re
from contextlib import suppress
from itertools import product
from time import thread_time

from django.apps import apps
from django.urls import get_resolver
from hypothesis import Phase, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import characters, from_regex

from config.tests.harness.project import PACKAGES, ROOT

NOT_IMPORTED = re.compile(r"\.(tests|migrations|settings|wsgi)\b")
EACH = 'a0 \n;@/-_"é\x00'  # tried with every pattern, beside its own characters
NS_PER_CHARACTER = 1_000  # a linear pattern takes a tenth
SHORT, LONG = 512, (2_048, 8_192, 65_536)
FINALISTS = 4
EXAMPLE = settings(max_examples=20, phases=[Phase.generate], derandomize=True, database=None)


def sources():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.parts):
                yield path.relative_to(ROOT), path.read_text()


def modules():
    for package in PACKAGES:
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not NOT_IMPORTED.search(found.name):
                yield importlib.import_module(found.name)


def patterns():
    """Each pattern with the methods that use it, and a name."""
    code = "\n".join(source for _, source in sources())
    found = {}
    for name, pattern, used in [*compiled(code), *inline(), *urls(), *validators()]:
        for method in used:
            found.setdefault((pattern, method), name)
    return found


def compiled(code):
    """What modules hold: themselves, in containers, in classes."""
    for module in modules():
        for name, value in vars(module).items():
            for pattern in within(value, set()):
                used = set(re.findall(rf"\b{name}\.(search|match|fullmatch|sub)\(", code))
                yield f"{module.__name__}.{name}", pattern, used or {"search", "fullmatch"}


def within(value, seen):
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from within(list(value.values()), seen)
    elif isinstance(value, tuple | list | set | frozenset):
        for entry in value:
            yield from within(entry, seen)
    elif isinstance(value, type) and value.__module__.startswith(PACKAGES):
        yield from within(list(vars(value).values()), seen)


def inline():
    """Calls such as `re.sub("…", …)`. Fails for a pattern that is not written out."""
    for path, source in sources():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and re.fullmatch(r"re\.(?!compile)\w+", ast.unparse(node.func)):
                yield f"{path}:{node.lineno}", re.compile(ast.literal_eval(node.args[0])), {node.func.attr}


def urls(entries=None):
    for it in get_resolver().url_patterns if entries is None else entries:
        yield f"URL {it.pattern}", it.pattern.regex, {"search"}
        yield from urls(getattr(it, "url_patterns", ()))


def validators():
    for model in apps.get_models():
        for field in model._meta.fields:
            for it in field.validators:
                if isinstance(pattern := getattr(it, "regex", None), re.Pattern):
                    yield f"{field} {type(it).__name__}", pattern, {"search"}


# Hostile texts


def pumps(pattern):
    """What is repeated: the pattern's characters, pairs of them, its words, and a text that it matches."""
    characters = sorted({*pattern.pattern, *EACH})
    words = re.findall(r"[A-Za-z]{3,}", pattern.pattern)
    return [*characters, *map("".join, product(characters, repeat=2)), *words, example(pattern)]


def example(pattern):
    """The longest of some texts that match."""
    found = [""]
    with suppress(NoSuchExample):
        find(from_regex(pattern, alphabet=characters()), found.append, settings=EXAMPLE)
    return max((match[0] for it in found if (match := pattern.search(it))), key=len, default="")


def hostile(pattern):
    """Makers of texts of a length: a start that matches, a long run, and an end that does not."""
    start = example(pattern)
    for pump in pumps(pattern):
        yield lambda length, pump=pump: (pump * length)[:length]
        yield lambda length, pump=pump: (pump * length)[:length] + "\x00"
    for cut, character in product(range(1, min(len(start), 12)), {*start[:12], *EACH}):
        yield lambda length, cut=cut, character=character: start[:cut] + character * length + "\x00"


def seconds(call, text):
    begun = thread_time()
    call(text)
    return thread_time() - begun


def is_slow(call, text):
    """Whether the best of three takes too long for the length."""
    return all(seconds(call, text) > max(len(text), 100) * NS_PER_CHARACTER / 1e9 for _ in range(3))


def slow_text(pattern, method):
    """The beginning of a text that takes more than linear time; None when none is found."""
    call = (lambda text: pattern.sub("", text)) if method == "sub" else getattr(pattern, method)
    times = []
    for maker in hostile(pattern):
        for length in (16, 24, 64, SHORT):  # exponential ones would not end with more at once
            if is_slow(call, maker(length)):
                return maker(length)[:40]
        times.append((seconds(call, maker(SHORT)), maker))
    for _, maker in sorted(times, key=lambda it: -it[0])[:FINALISTS]:
        for length in LONG:
            if is_slow(call, maker(length)):
                return maker(32)
    return None
