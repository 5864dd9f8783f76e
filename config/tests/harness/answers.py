"""Reads API responses."""

PROBLEM_KEYS = ["code", "detail", "request_id", "status", "title", "type"]


def errors_in(answer):
    """The place and the code of each validation error."""
    return [(error.get("pointer", error.get("parameter")), error["code"]) for error in answer.json()["errors"]]


def refused(answer, status, code):
    """Asserts that a response is this problem, with all members that problems have."""
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert sorted(problem.keys() - {"errors"}) == PROBLEM_KEYS
    assert (problem["status"], problem["type"]) == (status, f"/problems/{code}")
    assert problem["request_id"] == answer["X-Request-ID"]
    assert problem["title"]
    assert problem["detail"]
    return True


def names(answer):
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]
