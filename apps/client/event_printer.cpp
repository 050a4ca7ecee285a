#include "client/event_printer.hpp"

#include <chrono>
#include <iostream>

#include <fmt/format.h>

#include "wzp/base/log.hpp"
#include "wzp/base/overloaded.hpp"

namespace wzp::client_app {

app::JsonLine event_line(std::string_view event) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return app::JsonLine{}.add("event", event).add("time_ms", std::chrono::duration<double, std::milli>{now}.count());
}

namespace {

using namespace client;

app::JsonLine line(std::string_view event) { return event_line(event); }

double milliseconds(Duration d) { return std::chrono::duration<double, std::milli>{d}.count(); }

struct Told {
  app::JsonLine json;
  std::string sentence;
};

Told tell(const UserEvent& event) {
  return std::visit(
      overloaded{
          [](const Registered& e) {
            return Told{line("registered").add("relay", to_string(e.relay)).add("relay_build", printable(e.build)),
                        fmt::format("registered at {}", to_string(e.relay))};
          },
          [](const Reconnecting& e) {
            return Told{line("reconnecting").add("why", e.why).add("retry_in_ms", milliseconds(e.retry_in)).add("attempt", e.attempt),
                        fmt::format("no connection to the relay: {}; next attempt in {:.0f} s", e.why, milliseconds(e.retry_in) / 1000)};
          },
          [](const RegistrationRefused& e) {
            return Told{line("registration_refused").add("why", e.why), "the relay refused to register us: " + e.why};
          },
          [](const Replaced&) { return Told{line("replaced"), "this identity was registered elsewhere; calls go there now"}; },
          [](const Calling& e) {
            return Told{line("calling").add("call_id", e.call.text()).add("peer", to_string(e.peer)), "calling " + to_string(e.peer)};
          },
          [](const Ringing& e) { return Told{line("ringing").add("call_id", e.call.text()), "ringing"}; },
          [](const Incoming& e) {
            return Told{line("incoming").add("call_id", e.call.text()).add("peer", to_string(e.peer)).add("alias", e.alias)
                            .add("sealed", e.sealed).add("mutual", e.mutual),
                        fmt::format("call from {}{}{}", to_string(e.peer), e.alias.empty() ? "" : " (says to be " + e.alias + ")",
                                    e.sealed ? "" : " - NOT SEALED: relays can listen")};
          },
          [](const MissedCall& e) {
            return Told{line("missed_call").add("call_id", e.call.text()).add("peer", to_string(e.peer)).add("why", e.why),
                        fmt::format("missed a call from {}: {}", to_string(e.peer), e.why)};
          },
          [](const Answered& e) {
            return Told{line("answered").add("call_id", e.call.text()).add("peer", to_string(e.peer)).add("sealed", e.sealed),
                        e.sealed ? "answered; sealed end to end" : "answered; NOT SEALED: relays can listen"};
          },
          [](const CheckCode& e) {
            return Told{line("check_code").add("call_id", e.call.text()).add("digits", e.digits),
                        "check code " + e.digits + ": the other side must see the same"};
          },
          [](const SetUp& e) {
            return Told{line("set_up").add("call_id", e.call.text()).add("relay_carries", e.relay_carries).add("direct_tried", e.direct_tried),
                        "connecting"};
          },
          [](const PathUp& e) {
            return Told{line("path_up").add("call_id", e.call.text()).add("path", name(e.kind)).add("remote", to_string(e.remote))
                            .add("since_setup_ms", milliseconds(e.since_setup)),
                        fmt::format("{} path up after {:.0f} ms: {}", name(e.kind), milliseconds(e.since_setup), to_string(e.remote))};
          },
          [](const PathChosen& e) {
            return Told{line("path_chosen").add("call_id", e.call.text()).add("path", name(e.kind)).add("remote", to_string(e.remote)),
                        fmt::format("audio goes {}", e.kind == PathKind::Direct ? "directly to the other side" : "through the relay")};
          },
          [](const FirstMedia& e) {
            return Told{line("first_audio_heard").add("call_id", e.call.text()).add("path", name(e.kind))
                            .add("since_setup_ms", milliseconds(e.since_setup)),
                        fmt::format("first audio {:.0f} ms after the set-up", milliseconds(e.since_setup))};
          },
          [](const MediaDegraded& e) { return Told{line("media_degraded").add("call_id", e.call.text()), "nothing is heard any more"}; },
          [](const MediaRecovered& e) { return Told{line("media_recovered").add("call_id", e.call.text()), "audio is back"}; },
          [](const Ended& e) {
            return Told{line("ended").add("call_id", e.call.text()).add("peer", to_string(e.peer)).add("reason", name(e.reason))
                            .add("exit_code", exit_code(e.reason)).add("why", e.why),
                        fmt::format("call ended: {}{}", text(e.reason), e.why.empty() ? "" : " (" + e.why + ")")};
          },
          [](const SignerLearned& e) { return Told{line("signer_learned").add("peer", to_string(e.peer)), ""}; },
          [](const Stopped&) { return Told{line("stopped"), ""}; },
      },
      event);
}

}  // namespace

void EventPrinter::print(const UserEvent& event) {
  auto told = tell(event);
  put(std::move(told.json), told.sentence);
}

void EventPrinter::note(const std::string& event, const std::string& sentence) { put(line(event).add("text", sentence), sentence); }

void EventPrinter::summary(const CallAudio::Summary& s) {
  const auto& jitter = s.playout.jitter;
  put(line("summary").add("frames_sent", s.packets.sent).add("frames_received", s.packets.received)
          .add("frames_lost", s.packets.lost).add("frames_concealed", jitter.concealed_frames)
          .add("frames_played", s.frames_played).add("frames_skipped", s.frames_skipped).add("late", jitter.late)
          .add("duplicate", s.packets.duplicate).add("refused_unauthentic", s.packets.auth).add("refused_stranger", s.packets.stranger)
          .add("without_path", s.packets.no_path).add("playout_delay_ms", jitter.target_ms),
      fmt::format("frames sent {}, received {}, lost {}, concealed {}", s.packets.sent, s.packets.received, s.packets.lost,
                  jitter.concealed_frames));
}

void EventPrinter::status(const std::string& text) {
  if (!terminal_) return;
  std::cout << "\r\x1b[K" << text << std::flush;
  status_shown_ = true;
}

void EventPrinter::put(app::JsonLine json, const std::string& sentence) {
  if (json_) {
    std::cout << json.text() << std::endl;
    return;
  }
  if (sentence.empty()) return;
  if (status_shown_) std::cout << "\r\x1b[K";
  status_shown_ = false;
  std::cout << sentence << std::endl;
}

}  // namespace wzp::client_app
