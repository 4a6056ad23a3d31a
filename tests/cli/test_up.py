"""One command, and everything runs; another, and nothing does; whatever is killed in between."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import stat
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from loyalty.clock import wall_clock
from tests.cli.terminal import Up, loyalty, refusal
from tests.servers import Run
from tests.stack import until


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    run = Run()
    running = Up(run.folder / "data")
    running.start()
    running.wait_for("signed in to the demo")
    running.awards_in_flower = _awards_in_flower(running)  # before a test kills it
    yield running
    running.interrupt()
    run.end()


def _awards_in_flower(up: Up) -> set[str]:
    """The states of the awards that it shows."""
    flower, password = up.tells().flower_url, (up.data / "flower-password").read_text()
    asked = {"taskname": "earning.award"}
    with contextlib.suppress(requests.ConnectionError):
        answer = requests.get(
            f"{flower}/api/tasks", params=asked, auth=("loyalty", password), timeout=10
        )
        return {task["state"] for task in answer.json().values()}
    return set()


def test_the_demo_tells_a_purchase_with_its_why_and_a_burn(up: Up) -> None:
    said = up.said()
    assert "12 points. Why: 250 USD at 5 points per 100 USD: 12 points" in said
    assert "4 points. Why: 480 USD at 1 point" in said
    assert "Ada spends 10 points; 2 are left" in said


def test_the_curl_to_paste_gives_what_it_promises(up: Up) -> None:
    pasted = re.search(r"^ +curl .*?'$", up.said(), re.MULTILINE | re.DOTALL)
    assert pasted is not None
    words = shlex.split(pasted[0].replace("\\\n", " "))
    headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
    body = words[words.index("-d") + 1]
    answers = [requests.post(words[2], data=body, headers=headers, timeout=10) for _ in range(2)]
    for answer in answers:
        assert (answer.status_code, answer.json()["status"], answer.json()["points"]) == (
            200,
            "awarded",
            5,
        )
    assert answers[0].json()["id"] == answers[1].json()["id"]


def test_the_urls_answer_and_flower_asks_who_it_is(up: Up) -> None:
    told = up.tells()
    assert requests.get(f"{told.url}/docs", timeout=10).ok
    assert requests.get(f"{told.url}/readyz", timeout=10).ok
    password = (up.data / "flower-password").read_text()
    until(lambda: _answers(told.flower_url), "Flower to answer", 30)
    assert requests.get(told.flower_url, timeout=10).status_code == 401
    assert requests.get(told.flower_url, auth=("loyalty", password), timeout=10).ok


def test_flower_gets_another_port_when_somebody_takes_its_own(up: Up) -> None:
    before = up.tells().flower_url
    until(lambda: _answers(before), "Flower to answer", 30)
    os.killpg(up.pid("flower"), signal.SIGKILL)
    somebody: list[socket.socket] = []

    def takes_it() -> bool:
        with contextlib.suppress(OSError):
            somebody.append(socket.create_server(("127.0.0.1", urlsplit(before).port or 0)))
        return bool(somebody)

    until(takes_it, "its port to be free")
    with somebody[0]:
        until(lambda: up.tells().flower_url != before, "another port", 30)
        until(lambda: _answers(up.tells().flower_url), "Flower to answer there", 30)


def test_flower_shows_the_awards_of_the_demo(up: Up) -> None:
    assert "SUCCESS" in up.awards_in_flower


def _answers(url: str) -> bool:
    try:
        return bool(requests.get(url, timeout=5).status_code)
    except requests.ConnectionError:
        return False


def test_what_it_tells_other_commands_is_for_its_user_alone(up: Up) -> None:
    for name in ("stack.json", "flower-password"):
        assert stat.S_IMODE((up.data / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(up.data.stat().st_mode) == 0o700


def test_a_token_of_the_command_opens_the_door(up: Up) -> None:
    data = ("--data", str(up.data))
    assert loyalty("tenants", "add", "acme", *data).returncode == 0
    token = loyalty("token", "--role", "admin", "--tenant", "acme", *data).stdout.strip()
    answer = requests.get(
        f"{up.tells().url}/v1/programs", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    assert answer.json() == {"data": [], "next": None}
    assert refusal("tenants", "add", "acme", *data).startswith("There is a tenant 'acme' already")


def test_load_balances_to_the_point_and_the_book_with_it(up: Up) -> None:
    data = ("--data", str(up.data))
    sizes = ("--members", "4", "--times", "5", "--points", "100", "--burn", "500")
    loaded = loyalty("load", *sizes, *data)
    assert "each of 4 members has 0 points" in loaded.stdout, loaded
    assert "every invariant holds" in loyalty("audit", *data).stdout


def test_the_tour_shows_every_feature_and_what_proves_it(up: Up) -> None:
    told = loyalty("demo", "--data", str(up.data))
    assert "every invariant holds of" in told.stdout, told
    for sentence in (
        "of which the limit of 50 points a month for each member left 26 points",
        "Campaign: 4 of 6 lagers, then 6 of 6: 100 points, once",
        "Nothing: the limit of 50 points a month for each member is used up",
        "another mug was ordered, shipped, delivered",
        "a year later 98 points have become 0",
        "were spent, and came back one by one: 15 points are owed",
        "it was waiting for its purchase, and took it all back",
        "Dora has her 5 points again",
        "51 points were 45 too many: put right, once",
        "540 days after the last flight 0 points are left",
    ):
        assert sentence in told.stdout, told.stdout
    assert told.stdout.count("✓") == 32
    assert told.stdout.count("entry ") >= 31


def test_a_worker_killed_under_load_loses_nothing(up: Up) -> None:
    told = loyalty("demo", "--kill", "--data", str(up.data))
    assert "SIGKILL to the worker" in told.stdout, told
    assert "accepted 2,000 = credited 2,000" in told.stdout


def test_pausing_is_seen_over_http(up: Up) -> None:
    data = ("--tenant", "demo", "--reason", "stocktaking", "--data", str(up.data))
    assert "is paused" in loyalty("pause", "frequent-flyer", *data).stdout
    assert "is active" in loyalty("resume", "frequent-flyer", *data).stdout
    assert refusal("pause", "nowhere", *data).startswith("There is no program 'nowhere'")


def test_a_second_one_in_the_same_folder_is_refused(up: Up) -> None:
    sentence = refusal("up", "--data", str(up.data), "--port", "1024")
    assert sentence.startswith("Another stack is running in")
    assert "--data" in sentence


def test_a_taken_port_is_refused(up: Up, tmp_path: Path) -> None:
    sentence = refusal("up", "--data", str(tmp_path), "--port", str(up.port))
    assert re.fullmatch(
        rf"127\.0\.0\.1:{up.port} cannot be used \(Address already in use\): .*--port\.", sentence
    )


def test_who_dies_is_back_at_once_and_purchases_with_it(up: Up) -> None:
    names = ("worker", "web", "valkey", "postgres")
    token = _demo_token(up)
    before = {name: up.pid(name) for name in names}
    for pid in before.values():
        os.killpg(pid, signal.SIGKILL)
    until(lambda: all(up.pid(name) != before[name] for name in names), "all to be back", 30)
    earn = {
        "source": "test",
        "transaction_id": "after-the-kill",
        "member_id": "cleo",
        "amount": "100",
        "currency": "USD",
        "occurred_at": wall_clock().isoformat(),
    }

    def awarded() -> bool:
        time.sleep(0.2)  # a start takes seconds of a core: leave it some
        with contextlib.suppress(requests.ConnectionError):
            answer = requests.post(
                f"{up.tells().url}/v1/programs/wine-and-dine/earns",
                json=earn,
                headers={"Authorization": f"Bearer {token}", "Prefer": "wait=10"},
                timeout=15,
            )
            return bool(answer.json().get("points") == 5)
        return False

    until(awarded, "an award after the kill", 90)


def _demo_token(up: Up) -> str:
    return loyalty(
        "token", "--role", "server", "--tenant", "demo", "--data", str(up.data)
    ).stdout.strip()


def test_a_kill_blocks_nothing_and_a_clean_stop_leaves_nothing(tmp_path: Path) -> None:
    up = Up(tmp_path / "data", "--no-demo")
    up.start()
    assert "A purchase" not in up.said()
    up.kill()
    up.start()  # on the same port, in the same folder
    everybody = [pid for pid, _ in up.tells().processes.values()]

    assert up.interrupt() == 0
    assert [pid for pid in everybody if psutil.pid_exists(pid)] == []
    assert not (up.data / "stack.json").exists()
    assert (up.data / "postgres" / "PG_VERSION").exists()
    assert refusal("token", "--role", "admin", "--data", str(up.data)).startswith(
        "No stack is running in"
    )


def test_doctor_finds_a_stack_of_ours_well(up: Up) -> None:
    def well() -> bool:
        return loyalty("doctor", "--data", str(up.data)).returncode == 0

    until(well, "the doctor to be content", 60)


def test_help_names_every_command() -> None:
    said = loyalty("--help").stdout
    commands = ("up", "token", "tenants", "migrate", "doctor", "audit", "demo", "load")
    desk = ("members", "statement", "explain", "adjust", "retry-failed", "re-evaluate")
    for command in (*commands, *desk):
        assert re.search(rf"^  {command} +\S", said, re.MULTILINE), command
