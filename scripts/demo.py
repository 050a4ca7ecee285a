"""One encrypted call between two people on two federated relays, shown and judged.

Called by scripts/demo once the programs are built. Exit code 0 only if all is well.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from lab import Lab, LabError, build_folder

CALLER_SAYS = (
    "Hello, this is Ada, calling from relay A. I am reading this so that you can hear whether every word arrives. "
    "The quick brown fox jumps over the lazy dog, and then it walks home along the river, slowly, "
    "because the evening is warm and nobody is in a hurry. Please tell me how I sound on your side.")
CALLEE_SAYS = (
    "Good morning Ada, Brian here, on relay B. Your voice comes straight to me, without passing any relay. "
    "Twenty five ships left the harbour before sunrise with timber, salt and oranges on board; "
    "seven of them came back in autumn with letters, coffee and a cat. I hope the line stays this clear.")
CALL_SECONDS = 14
STEPS = [  # what the timeline shows: who reports it, the event, the words
    ("caller", "calling", "offer sent"),
    ("callee", "incoming", "offer received"),
    ("caller", "ringing", "ringing"),
    ("callee", "answered", "answer sent"),
    ("caller", "answered", "answer received"),
    ("caller", "set_up", "call set up (caller)"),
    ("callee", "set_up", "call set up (callee)"),
    ("caller", "path_up", "direct path up (caller)"),
    ("callee", "path_up", "direct path up (callee)"),
    ("caller", "path_chosen", "path chosen (caller)"),
    ("callee", "path_chosen", "path chosen (callee)"),
    ("caller", "first_audio_heard", "first audio: callee to caller"),
    ("callee", "first_audio_heard", "first audio: caller to callee"),
    ("caller", "ended", "hang-up"),
    ("callee", "ended", "end seen by the callee"),
]


def speak(text, voice, path):
    subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(path), text], check=True)


def hold_call(lab, out):
    """Both sides' events after a whole call, and their exit codes."""
    relay_a, relay_b = lab.two_relays()
    media = lambda who: ["--play", out / f"{who}_speech.wav", "--record", out / f"{who}_heard.wav",
                         "--record-sent", out / f"{who}_sent.wav"]
    callee = lab.client("callee", "listen", "--relay", relay_b.address, "--accept", "trusted", "--calls", "1",
                        *media("callee"))
    callee.wait_event("registered")
    caller = lab.client("caller", "call", callee.fingerprint, "--relay", relay_a.address,
                        "--duration", CALL_SECONDS, *media("caller"))
    caller.wait_event("ended", timeout=CALL_SECONDS + 30)
    codes = {"caller": caller.wait(), "callee": callee.wait()}
    return {"caller": caller.events, "callee": callee.events}, codes


def last(events, name):
    return next((e for e in reversed(events) if e["event"] == name), {})


def direct_path(events):
    return next((e for e in events if e["event"] == "path_up" and e["path"] == "direct"), {})


def compare(lab, reference, recording):
    return json.loads(lab.run("compare", "--json", reference, recording, check=False).stdout)


def report_of(lab, events, codes, out):
    start = last(events["caller"], "calling")["time_ms"]
    timeline = []
    for who, name, words in STEPS:
        event = last(events[who], name) if name != "path_up" else direct_path(events[who])
        timeline.append({"ms": round(event["time_ms"] - start, 1) if event else None, "who": who, "what": words})
    report = {"timeline": timeline, "exit_codes": codes, "sides": {}, "directions": {}}
    for who in ("caller", "callee"):
        report["sides"][who] = {
            "path": last(events[who], "path_chosen").get("path"),
            "sealed": last(events[who], "answered").get("sealed"),
            "check_code": last(events[who], "check_code").get("digits"),
            "ended": last(events[who], "ended").get("reason"),
            "frames": {key: value for key, value in last(events[who], "summary").items()
                       if key.startswith("frames_")},
        }
    for speaker, listener in (("caller", "callee"), ("callee", "caller")):
        heard = out / f"{listener}_heard.wav"
        report["directions"][f"{speaker} to {listener}"] = {
            **compare(lab, out / f"{speaker}_sent.wav", heard),
            "similarity_to_the_other_speaker": compare(lab, out / f"{listener}_sent.wav", heard)["similarity"],
        }
    report["problems"] = problems(report)
    report["ok"] = not report["problems"]
    return report


def problems(report):
    found = []
    sides = report["sides"]
    found += [f"the {who} ended with exit code {code}" for who, code in report["exit_codes"].items() if code != 0]
    found += [f"not seen: {step['what']}" for step in report["timeline"] if step["ms"] is None]
    found += [f"the {who} did not use a direct path" for who, side in sides.items() if side["path"] != "direct"]
    found += [f"the call was not sealed for the {who}" for who, side in sides.items() if side["sealed"] is not True]
    if not sides["caller"]["check_code"] or sides["caller"]["check_code"] != sides["callee"]["check_code"]:
        found.append("the check codes differ")
    for name, direction in report["directions"].items():
        if not direction["same_speech"]:
            found.append(f"{name}: what was heard is not what was said")
        if direction["similarity_to_the_other_speaker"] >= direction["threshold"]:
            found.append(f"{name}: the measure does not tell the speakers apart")
    for who, side in sides.items():
        if side["frames"].get("frames_received", 0) < 10 * 50:
            found.append(f"the {who} heard less than 10 s")
    return found


def show(report, out):
    print("\nTimeline (milliseconds after the offer)")
    for step in sorted(report["timeline"], key=lambda s: (s["ms"] is None, s["ms"])):
        at = "      -" if step["ms"] is None else f"{step['ms']:9.1f}"
        print(f"  {at}  {step['what']}")
    print("\n           path     sealed   check code   frames sent / received / lost / concealed")
    for who, side in report["sides"].items():
        f = side["frames"]
        print(f"  {who:<7}  {side['path']!s:<8} {side['sealed']!s:<8} {side['check_code']!s:<12} "
              f"{f.get('frames_sent')} / {f.get('frames_received')} / {f.get('frames_lost')} / {f.get('frames_concealed')}")
    print("\n  speech heard against speech sent (1 is the same; same speech is above the threshold)")
    for name, d in report["directions"].items():
        print(f"  {name:<17} {d['similarity']:6.3f}   threshold {d['threshold']:.2f}   "
              f"against the other speaker {d['similarity_to_the_other_speaker']:6.3f}   delay {d['lag_ms']:.0f} ms")
    print(f"\nRecordings and report.json: {out}")
    for problem in report["problems"]:
        print(f"PROBLEM: {problem}")
    print("All is well." if report["ok"] else "The demo failed.")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", default="demo-out", type=Path, help="folder for the recordings (default: demo-out)")
    out = arguments.parse_args().out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    speak(CALLER_SAYS, "en+m3", out / "caller_speech.wav")
    speak(CALLEE_SAYS, "en-us+f3", out / "callee_speech.wav")
    print("Two relays on loopback, federated; the caller on A calls the callee on B ...")
    try:
        with Lab(build_folder()) as lab:
            events, codes = hold_call(lab, out)
            report = report_of(lab, events, codes, out)
    except LabError as failure:
        print(f"The demo failed: {failure}", file=sys.stderr)
        return 1
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    show(report, out)
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
