// The smallest use of wzp::proto: a signal to its JSON text and back.
#include <iostream>

#include "wzp/proto/signal_json.hpp"

int main() {
  const wzp::proto::SignalMessage sent = wzp::proto::Hangup{wzp::proto::HangupReason::Busy, "c0ffee"};
  const std::string json = wzp::proto::encode(sent);
  const auto received = wzp::proto::decode(json);
  std::cout << json << '\n';
  return received && *received == sent ? 0 : 1;
}
