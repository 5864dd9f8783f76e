"""How tests read answers."""

PROBLEM_KEYS = ["code", "detail", "request_id", "status", "title", "type"]


def faults(answer):
    """Where each fault is, and which it is."""
    return [(fault.get("pointer", fault.get("parameter")), fault["code"]) for fault in answer.json()["errors"]]


def refused(answer, status, code):
    """Whether an answer is this problem, complete in every part that all problems have."""
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
