"""Encrypted calls between people on federated relays, shown and judged.

Two relays (pair): a call whose audio goes directly from one person to the other. Three relays (chain, triangle, star):
a call over relays alone, and a room of six people, two at each relay.
Called by scripts/demo once the programs are built. Exit code 0 only if all is well.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
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
CALLEE_SAYS_OVER_RELAYS = CALLEE_SAYS.replace("straight to me, without passing any relay",
                                              "to me over the relays, and none of them can listen")
CALL_SECONDS = 14
A, B, C = "relay-a", "relay-b", "relay-c"
TOPOLOGIES = {  # who dials whom; of three relays a star has the same links as a chain, but both ends dial the hub
    "pair": [(A, B)],
    "chain": [(A, B), (B, C)],
    "triangle": [(A, B), (A, C), (B, C)],
    "star": [(A, B), (C, B)],
}
RELAYS_PASSED = {"chain": [A, B, C], "triangle": [A, C], "star": [A, B, C]}  # by a call from A to C: the shortest way
ROOM = "tea"
ROOM_SECONDS = 12
SAID_SPAN, HEARD_SPAN = (3, 7), (1, 8)  # seconds that are compared; a recording starts up to 2 s later than the speech
ROOM_SPEECH = {  # who: at which relay, voice, what is said, over and over
    "ada": (A, "en+m3", "Hello, this is Ada. The quick brown fox jumps over the lazy dog, and then it walks home "
                        "along the river, slowly, because nobody is in a hurry."),
    "brian": (A, "en-us+f3", "Good morning, Brian here. Twenty five ships left the harbour before sunrise with timber, "
                             "salt and oranges; seven of them came back in autumn."),
    "carol": (B, "en-gb+m7", "Carol speaking. Please bring the blue suitcase, two umbrellas and my grandmother's clock. "
                             "Nobody touches the bakery or its old iron door."),
    "dora": (B, "en-us+f2", "It is Dora. Under the bridge eleven musicians tune their violins; when the train has passed, "
                            "they begin, and the whole street opens its windows."),
    "emil": (C, "en+m1", "Emil at the telescope. Jupiter rises at half past nine, behind the chimney; four moons, three "
                         "clouds, and a very curious owl on the roof."),
    "fay": (C, "en-gb+f4", "My name is Fay. Peel six potatoes, chop an onion, stir in flour and pepper, fry everything in "
                           "butter, and eat it while it is hot."),
}
STEPS = [  # what the timeline shows: who reports it, the event, the words; {} is the path
    ("caller", "calling", "offer sent"),
    ("callee", "incoming", "offer received"),
    ("caller", "ringing", "ringing"),
    ("callee", "answered", "answer sent"),
    ("caller", "answered", "answer received"),
    ("caller", "set_up", "call set up (caller)"),
    ("callee", "set_up", "call set up (callee)"),
    ("caller", "path_up", "{} path up (caller)"),
    ("callee", "path_up", "{} path up (callee)"),
    ("caller", "path_chosen", "path chosen (caller)"),
    ("callee", "path_chosen", "path chosen (callee)"),
    ("caller", "first_audio_heard", "first audio: callee to caller"),
    ("callee", "first_audio_heard", "first audio: caller to callee"),
    ("caller", "ended", "hang-up"),
    ("callee", "ended", "end seen by the callee"),
]


def speak(text, voice, path):
    subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(path), text], check=True)


def hold_call(lab, out, at_caller, at_callee, path):
    """Both sides' events after a whole call, and their exit codes."""
    media = lambda who: ["--play", out / f"{who}_speech.wav", "--record", out / f"{who}_heard.wav",
                         "--record-sent", out / f"{who}_sent.wav"]
    callee = lab.client("callee", "listen", "--relay", at_callee.address, "--calls", "1",
                        "--accept", "trusted" if path == "direct" else "private", *media("callee"))
    callee.wait_event("registered")
    caller = lab.client("caller", "call", callee.fingerprint, "--relay", at_caller.address,
                        "--duration", CALL_SECONDS, *media("caller"), *(["--relay-only"] if path == "relay" else []))
    caller.wait_event("ended", timeout=CALL_SECONDS + 30)
    codes = {"caller": caller.wait(), "callee": callee.wait()}
    return {"caller": caller.events, "callee": callee.events}, codes


def last(events, name):
    return next((e for e in reversed(events) if e["event"] == name), {})


def path_up(events, path):
    return next((e for e in events if e["event"] == "path_up" and e["path"] == path), {})


def report_of(lab, events, codes, out, path):
    start = last(events["caller"], "calling")["time_ms"]
    timeline = []
    for who, name, words in STEPS:
        event = last(events[who], name) if name != "path_up" else path_up(events[who], path)
        timeline.append({"ms": round(event["time_ms"] - start, 1) if event else None, "who": who,
                         "what": words.format(path)})
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
            **lab.compare(out / f"{speaker}_sent.wav", heard),
            "similarity_to_the_other_speaker": lab.compare(out / f"{listener}_sent.wav", heard)["similarity"],
        }
    report["problems"] = problems(report, path)
    report["ok"] = not report["problems"]
    return report


def problems(report, path):
    found = []
    sides = report["sides"]
    found += [f"the {who} ended with exit code {code}" for who, code in report["exit_codes"].items() if code != 0]
    found += [f"not seen: {step['what']}" for step in report["timeline"] if step["ms"] is None]
    found += [f"the {who} did not use a {path} path" for who, side in sides.items() if side["path"] != path]
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


def show(report):
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


def show_end(report, out):
    print(f"\nRecordings and report.json: {out}")
    for problem in report["problems"]:
        print(f"PROBLEM: {problem}")
    print("All is well." if report["ok"] else "The demo failed.")


# --- three relays


def relays_passed(relays, call_id):
    """Names of the relays that log a part in this call, and which: outgoing, transit, incoming."""
    found = {}
    for name, relay in sorted(relays.items()):
        for line in relay.err:
            if part := re.search(rf"call {call_id} \((\w+)\) answered", line):
                found[name] = part.group(1)
    return found


def relayed_call(lab, out, relays, topology):
    events, codes = hold_call(lab, out, relays[A], relays[C], "relay")
    report = report_of(lab, events, codes, out, "relay")
    report["relays"] = relays_passed(relays, last(events["caller"], "calling").get("call_id"))
    if sorted(report["relays"]) != RELAYS_PASSED[topology]:
        report["problems"].append(f"the call went over {', '.join(report['relays']) or 'no relay'}; "
                                  f"the shortest way is {', '.join(RELAYS_PASSED[topology])}")
    if any(path_up(side, "direct") for side in events.values()):
        report["problems"].append("there was a direct path, although nobody had allowed one")
    return report


def newest_count(member):
    return last(member.events, "participants").get("count")


def hears(member, fingerprint):
    """By source, since the first audio may be faster than the list that says whose source it is."""
    sources = {e["source"] for e in member.events if e["event"] in ("member", "member_joined")
               and e["fingerprint"] == fingerprint}
    return any(e["speaker"] in sources for e in member.events if e["event"] == "speaker_heard")


def hold_room(lab, out, relays):
    """Everybody in the room for ROOM_SECONDS: the clients, after they have left."""
    for who in ROOM_SPEECH:
        lab.identity(who)  # made beforehand, so that all join within a moment
    members = {}
    for who, (at, _, _) in ROOM_SPEECH.items():
        members[who] = lab.client(
            who, "room", ROOM, "--relay", relays[at].address, "--alias", who, "--play", out / f"{who}_speech.wav",
            "--repeat", "--record-each", out / f"{who}_each", "--record-sent", out / f"{who}_sent.wav",
            "--duration", ROOM_SECONDS)
    for member in members.values():
        member.wait_event("room_joined")
    for who, member in members.items():
        member.wait_until(lambda m: newest_count(m) == len(members), ROOM_SECONDS, f"list of {len(members)}")
        for other, speaker in members.items():
            if other != who:
                member.wait_until(lambda m: hears(m, speaker.fingerprint), ROOM_SECONDS, f"voice of {other}")
    for member in members.values():
        member.wait_event("room_ended", ROOM_SECONDS + 10)
    return members


def excerpt(lab, recording, span):
    """A WAV file with these seconds of another."""
    path = lab.folder / f"{recording.parent.name}-{recording.name}"
    with wave.open(str(recording)) as whole, wave.open(str(path), "wb") as part:
        rate = whole.getframerate()
        part.setparams(whole.getparams())
        whole.setpos(min(span[0] * rate, whole.getnframes()))
        part.writeframes(whole.readframes((span[1] - span[0]) * rate))
    return path


def judge_one(lab, out, listener, speaker, members, said):
    """The recording that the listener made of the speaker, against what the speaker said and against another voice.

    The other voice is the listener's own: so each recording also shows that nobody hears himself, and over all
    recordings every two people are compared."""
    recording = out / f"{listener}_each" / f"{members[speaker].fingerprint.replace(':', '')}.wav"
    if not recording.exists():
        return {"listener": listener, "speaker": speaker, "recorded": False}
    heard = excerpt(lab, recording, HEARD_SPAN)
    right = lab.compare(said[speaker], heard)
    return {"listener": listener, "speaker": speaker, "recorded": True, **right,
            "similarity_to_another": lab.compare(said[listener], heard)["similarity"]}


def judge_room(lab, out, members):
    codes = {who: member.wait() for who, member in members.items()}
    said = {who: excerpt(lab, out / f"{who}_sent.wav", SAID_SPAN) for who in members}
    pairs = [(listener, speaker) for listener in members for speaker in members if listener != speaker]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        heard = list(pool.map(lambda pair: judge_one(lab, out, *pair, members, said), pairs))
    report = {"exit_codes": codes, "heard": heard, "people": {}, "problems": []}
    for who, member in members.items():
        report["people"][who] = {"relay": ROOM_SPEECH[who][0], "files": len(list((out / f"{who}_each").glob("*.wav"))),
                                 "frames": {key: value for key, value in last(member.events, "summary").items()
                                            if key.startswith("frames_")}}
    report["problems"] = room_problems(report)
    return report


def room_problems(report):
    found = [f"{who} left the room with exit code {code}" for who, code in report["exit_codes"].items() if code != 0]
    others = len(report["people"]) - 1
    found += [f"{who} recorded {person['files']} voices, not {others}" for who, person in report["people"].items()
              if person["files"] != others]
    for h in report["heard"]:
        if not h["recorded"]:
            found.append(f"{h['listener']} has no recording of {h['speaker']}")
        elif not h["same_speech"]:
            found.append(f"{h['listener']}: what was heard of {h['speaker']} is not what was said ({h['similarity']:.2f})")
        elif h["similarity_to_another"] >= h["threshold"]:
            found.append(f"{h['listener']}: the recording of {h['speaker']} also matches {h['listener']}")
    return found


def show_room(report):
    people = report["people"]
    print(f"\nThe room \"{ROOM}\": how well each person (row) heard each other (column)")
    print("                    " + "".join(f"{who:>7}" for who in people) + "   wrong voice   received / lost / concealed")
    for who, person in people.items():
        row = {h["speaker"]: h for h in report["heard"] if h["listener"] == who and h["recorded"]}
        cells = "".join(f"{row[s]['similarity']:7.3f}" if s in row else "      -" for s in people)
        wrong = max((h["similarity_to_another"] for h in row.values()), default=0)
        f = person["frames"]
        print(f"  {who:<6} at {person['relay']:<8}{cells}   at most {wrong:5.3f} "
              f"{f.get('frames_received'):>8} / {f.get('frames_lost')} / {f.get('frames_concealed')}")


# --- the two shows


def show_pair(lab, out):
    speak(CALLER_SAYS, "en+m3", out / "caller_speech.wav")
    speak(CALLEE_SAYS, "en-us+f3", out / "callee_speech.wav")
    print("Two relays on loopback, federated; the caller on A calls the callee on B ...")
    events, codes = hold_call(lab, out, *lab.two_relays(), "direct")
    report = report_of(lab, events, codes, out, "direct")
    show(report)
    return report


def show_mesh(lab, out, topology):
    speak(CALLER_SAYS, "en+m3", out / "caller_speech.wav")
    speak(CALLEE_SAYS_OVER_RELAYS, "en-us+f3", out / "callee_speech.wav")
    for who, (_, voice, text) in ROOM_SPEECH.items():
        speak(text, voice, out / f"{who}_speech.wav")
        for old in (out / f"{who}_each").glob("*.wav"):
            old.unlink()  # or it would be counted as a voice of this room
    links = TOPOLOGIES[topology]
    print(f"Three relays on loopback, {topology}: " + ", ".join(f"{dialler} dials {dialled}" for dialler, dialled in links))
    relays = lab.mesh(links, global_rooms=[ROOM])
    print("The caller on A calls the callee on C, over relays alone ...", flush=True)
    call = relayed_call(lab, out, relays, topology)
    show(call)
    print(f"\n  path relay, over {len(call['relays'])} relays: "
          + ", ".join(f"{name} ({part})" for name, part in call["relays"].items()))
    print(f"\nSix people in the room \"{ROOM}\", two at each relay, all speaking at once ...", flush=True)
    room = judge_room(lab, out, hold_room(lab, out, relays))
    show_room(room)
    found = [f"call: {p}" for p in call["problems"]] + [f"room: {p}" for p in room["problems"]]
    return {"topology": topology, "call": call, "room": room, "problems": found, "ok": not found}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", default="demo-out", type=Path, help="folder for the recordings (default: demo-out)")
    arguments.add_argument("--topology", default="pair", choices=TOPOLOGIES, help="which relays (default: pair)")
    parsed = arguments.parse_args()
    out = parsed.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The demo was stopped."))  # and with it the relays
    try:
        with Lab(build_folder()) as lab:
            report = show_pair(lab, out) if parsed.topology == "pair" else show_mesh(lab, out, parsed.topology)
    except LabError as failure:
        print(f"The demo failed: {failure}", file=sys.stderr)
        return 1
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    show_end(report, out)
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
