"""The scan finds each kind of secret, also in removed text, and nothing harmless."""

import secrets
import subprocess

import pytest

from config.tests.harness import secret_scan
from config.tests.harness.secret_scan import main, secrets_in

RANDOM = "9fK2mQx7Lp0Zr4Tt8Wv1Bn6Yc3"
PLANTED = {  # concatenated, so that this file contains none
    "token of this project": "tbs_" + secrets.token_urlsafe(32),
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "AWS access key": "AKIA" + "IOSFODNN7EXAMPL3",
    "GitHub token": "ghp_" + "a1B2c3" * 6,
    "GitLab token": "glpat-" + RANDOM,
    "Slack token": "xoxb-" + "123456789012-abcdef",
    "Slack hook": "https://hooks.slack.com/services/T0A/B0A/" + RANDOM,
    "Stripe key": "sk_live_" + RANDOM,
    "Google key": "AIza" + "a1B2c3D" * 5,
    "SendGrid key": "SG." + RANDOM + "." + RANDOM,
    "Twilio key": "SK" + "0a1b2c3d" * 4,
    "npm token": "npm_" + "a1B2c3" * 6,
    "PyPI token": "pypi-AgE" + RANDOM * 2,
    "JSON web token": "eyJhbGciOiJI" + "UzI1." + "eyJzdWIiOiIx" + "MjM0." + RANDOM,
    "password hash": "pbkdf2_sha256" + "$1000000$abc$" + RANDOM * 2,
    "random text as api_key": f"api_key = '{RANDOM}'",
    "random text as SECRET_KEY": f"SECRET_KEY={RANDOM}",
    "random text as db_password": f'"db_password": "{RANDOM}"',
    "password in a URL": "postgresql://shop:" + RANDOM[:9] + "@db/tickets",
}
HARMLESS = [
    "SECRET_KEY = env.required('SECRET_KEY')",
    "SECRET_KEY = 'only-for-tests'",
    "token = ApiToken.objects.valid(at).select_related('user').get(digest=digest(key))",
    "AUTH_PASSWORD_VALIDATORS = ['django.contrib.auth.password_validation.MinimumLengthValidator']",
    "    --hash=sha256:4b1fcfc0a3f2a8d0f3f5f5a5f0c3f5a8b2c4d6e8f0a1b3c5d7e9f1a2b4c6d8e0",
    "DATABASE_URL=postgresql://user:password@host/name",
    "DATABASE_URL=postgresql://$USER:$PASSWORD@host/name",
    "idempotency_key = models.CharField(max_length=255, null=True, editable=False)",
]


@pytest.mark.parametrize("kind", PLANTED)
def test_secret_is_found(kind):
    assert [found for found, _ in secrets_in(f"x {PLANTED[kind]} y") if found == kind] == [kind]


def test_every_format_is_covered():
    assert set(secret_scan.SHAPES) <= set(PLANTED)


@pytest.mark.parametrize("line", HARMLESS)
def test_harmless_text_is_not_found(line):
    assert [value for _, value in secrets_in(line) if not secret_scan.ALLOWED_VALUE.match(value)] == []


@pytest.fixture
def repository(tmp_path):
    """A history in which a branch added a secret and removed it before it was merged."""

    def git(*arguments, folder=tmp_path / "whole"):
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True)

    def commit(text):
        (tmp_path / "whole/settings.py").write_text(text)
        git("add", ".")
        git("commit", "-m", "x")

    (tmp_path / "whole").mkdir()
    git("init", "-b", "main")
    commit("A = 1\n")
    git("checkout", "-b", "side")
    commit(f"A = 1\nTOKEN = '{PLANTED['GitHub token']}'\n")
    commit("A = 2\n")
    git("checkout", "main")
    git("merge", "--no-ff", "side", "-m", "x")
    return tmp_path, git


def test_removed_secret_is_found_and_not_printed(repository, capsys):
    folder, _ = repository
    assert main(folder / "whole") == 1
    said = capsys.readouterr().out
    assert "settings.py: GitHub token, beginning 'ghp_…'" in said
    assert PLANTED["GitHub token"] not in said


def test_shallow_clone_and_working_tree_are_scanned(repository, capsys):
    folder, git = repository
    git("clone", "--depth", "1", f"file://{folder}/whole", str(folder / "shallow"), folder=folder)
    assert main(folder / "shallow") == 0
    (folder / "shallow/settings.py").write_text(f"KEY = '{PLANTED['AWS access key']}'\n")
    assert main(folder / "shallow") == 1
    assert capsys.readouterr().out == "not committed settings.py: AWS access key, beginning 'AKIA…'\n"


def test_folder_without_git_fails(tmp_path, capfd):
    with pytest.raises(SystemExit, match=r"^Cannot search for secrets: git log failed\.$"):
        main(tmp_path)
