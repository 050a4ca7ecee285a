#pragma once

#include <string>

#include "wzp/client/actions.hpp"
#include "wzp/client/client_core.hpp"
#include "wzp/client/user_event.hpp"
#include "wzp/proto/signal.hpp"
#include "wzp/relay/events.hpp"

// One line for people about what happened; for traces and failures.

namespace wzp::sim {

[[nodiscard]] std::string describe(const proto::SignalMessage& message);
[[nodiscard]] std::string describe(const proto::DirectMessage& message);
[[nodiscard]] std::string describe(const client::UserEvent& event);
[[nodiscard]] std::string describe(const client::Action& action);
[[nodiscard]] std::string describe(const relay::Action& action);
[[nodiscard]] std::string_view describe(client::CallState state);
/// The first letters of an id.
[[nodiscard]] std::string brief(const std::string& id);

}  // namespace wzp::sim
