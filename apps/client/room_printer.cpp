#include <chrono>

#include <fmt/format.h>

#include "client/event_printer.hpp"
#include "wzp/base/overloaded.hpp"

// What is told in a room; the rest of EventPrinter is in event_printer.cpp.

namespace wzp::client_app {
namespace {

using namespace client;

double milliseconds(Duration d) { return std::chrono::duration<double, std::milli>{d}.count(); }

app::JsonLine with_member(app::JsonLine line, const RoomMember& member) {
  line.add("fingerprint", member.fingerprint ? to_string(*member.fingerprint) : std::string{});
  line.add("alias", member.alias).add("relay", member.relay);
  line.add("source", member.source ? proto::to_string(*member.source) : std::string{}).add("is_self", member.is_self);
  return line;
}

std::string label(const RoomMember& member) {
  const auto who = member.fingerprint ? to_string(*member.fingerprint) : std::string{"somebody"};
  return fmt::format("{}{}{}{}", who, member.alias.empty() ? "" : " (says to be " + member.alias + ")",
                     member.relay.empty() ? "" : " at " + member.relay, member.is_self ? ", you" : "");
}

std::vector<std::string> fingerprints(const std::vector<RoomMember>& members) {
  std::vector<std::string> out;
  for (const auto& member : members) out.push_back(member.fingerprint ? to_string(*member.fingerprint) : std::string{});
  return out;
}

}  // namespace

void EventPrinter::print(const RoomEvent& event) {
  std::visit(
      overloaded{
          [&](const RoomJoined& e) {
            put(event_line("room_joined").add("relay", to_string(e.relay)).add("again", e.again),
                fmt::format("{} the room at {}", e.again ? "back in" : "in", to_string(e.relay)));
          },
          [&](const RoomPeople& e) {
            put(event_line("participants").add("count", e.members.size()).add("fingerprints", fingerprints(e.members)).add("unlisted", e.unlisted),
                fmt::format("{} in the room{}", e.members.size() + e.unlisted, e.unlisted == 0 ? "" : fmt::format(", {} of them not named by the relay", e.unlisted)));
          },
          [&](const RoomMemberJoined& e) {
            put(with_member(event_line("member_joined"), e.member), label(e.member) + " has joined");
          },
          [&](const RoomMemberLeft& e) { put(with_member(event_line("member_left"), e.member), label(e.member) + " has left"); },
          [&](const RoomDirective& e) {
            put(event_line("quality_directive").add("codec", proto::enum_name(e.codec)).add("text", e.reason),
                fmt::format("the relay asks everybody for {}{}", proto::enum_name(e.codec), e.reason.empty() ? "" : ": " + e.reason));
          },
          [&](const RoomReconnecting& e) {
            put(event_line("reconnecting").add("why", e.why).add("retry_in_ms", milliseconds(e.retry_in)).add("attempt", e.attempt),
                fmt::format("{}; next attempt in {:.0f} s", e.why, milliseconds(e.retry_in) / 1000));
          },
          [&](const RoomEnded& e) {
            put(event_line("room_ended").add("reason", name(e.reason)).add("exit_code", exit_code(e.reason)).add("why", e.why),
                fmt::format("{}{}", text(e.reason), e.why.empty() ? "" : " (" + e.why + ")"));
          },
      },
      event);
}

void EventPrinter::member(const RoomMember& member) { put(with_member(event_line("member"), member), "  " + label(member)); }

void EventPrinter::speaker(const media::SpeakerId& speaker, const RoomMember* who) {
  const auto fingerprint = who != nullptr && who->fingerprint ? to_string(*who->fingerprint) : std::string{};
  put(event_line("speaker_heard").add("speaker", to_string(speaker)).add("fingerprint", fingerprint),
      (who != nullptr ? label(*who) : to_string(speaker)) + " is heard");
}

void EventPrinter::recording(const std::string& path, const media::SpeakerId& speaker, const RoomMember* who) {
  const auto fingerprint = who != nullptr && who->fingerprint ? to_string(*who->fingerprint) : std::string{};
  put(event_line("speaker_recorded").add("file", path).add("speaker", to_string(speaker)).add("fingerprint", fingerprint),
      "recording " + (who != nullptr ? label(*who) : to_string(speaker)) + " in " + path);
}

void EventPrinter::summary(const RoomAudio::Summary& s) {
  const auto& in = s.speakers;
  put(event_line("summary").add("frames_sent", s.frames_sent).add("frames_silent", s.frames_silent)
          .add("frames_unsent", s.frames_unsent).add("frames_received", in.received).add("frames_lost", in.lost)
          .add("frames_concealed", in.concealed_frames).add("frames_played", s.frames_played).add("frames_skipped", s.frames_skipped)
          .add("late", in.late).add("speakers", in.speakers).add("speakers_refused", in.refused).add("malformed", in.malformed)
          .add("bad_packets", in.bad_packets).add("trunk_frames", in.trunk_frames).add("bare_packets", in.bare_packets)
          .add("least_gain", static_cast<double>(s.least_gain)),
      fmt::format("frames sent {}, received {} of {} speakers, lost {}, concealed {}", s.frames_sent, in.received, in.speakers, in.lost,
                  in.concealed_frames));
}

}  // namespace wzp::client_app
