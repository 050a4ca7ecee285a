#pragma once

#include <cstdint>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/client/actions.hpp"
#include "wzp/client/user_event.hpp"
#include "wzp/relay/events.hpp"

namespace wzp::sim {

class SimRelay;
class SimPhone;

/// What a frame of simulated speech says about itself.
struct Speech {
  std::uint64_t call = 0;     ///< `speech_id` of the call
  std::uint64_t speaker = 0;  ///< first bytes of the speaker's fingerprint
  std::uint32_t number = 0;   ///< counts up
  std::uint32_t phone = 0;    ///< its owner, since a person may have two
};

/// Sees everything that the simulated programs do, before it is carried out. Whoever finds a broken promise throws.
class Witness {
 public:
  virtual ~Witness() = default;

  virtual void does(SimRelay&, const relay::Action&) {}
  virtual void does(SimPhone&, const client::Action&) {}
  /// The person wants to call somebody.
  virtual void places(SimPhone&, const CallId&, const Fingerprint& /*target*/) {}
  virtual void told(SimPhone&, const client::UserEvent&) {}
  /// A relay hands a datagram of one seat to another.
  virtual void forwards(SimRelay&, ConnectionId /*from*/, ConnectionId /*to*/) {}
  /// A phone accepted a packet of media and plays it.
  virtual void plays(SimPhone&, const Speech&, std::uint64_t /*packet number*/) {}
  /// A core has handled something and its actions are carried out.
  virtual void settled(SimRelay&) {}
  virtual void settled(SimPhone&) {}
};

}  // namespace wzp::sim
