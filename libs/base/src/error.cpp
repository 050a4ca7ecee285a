#include "wzp/base/error.hpp"

namespace wzp {

std::string_view name(Errc code) noexcept {
  switch (code) {
    case Errc::BadJson: return "BadJson";
    case Errc::UnknownSignal: return "UnknownSignal";
    case Errc::BadField: return "BadField";
    case Errc::BadValue: return "BadValue";
    case Errc::TooShort: return "TooShort";
    case Errc::TooLong: return "TooLong";
    case Errc::BadName: return "BadName";
    case Errc::BadFrame: return "BadFrame";
    case Errc::BadSignature: return "BadSignature";
    case Errc::BadKey: return "BadKey";
    case Errc::BadProof: return "BadProof";
    case Errc::Replayed: return "Replayed";
    case Errc::TooOld: return "TooOld";
    case Errc::Exhausted: return "Exhausted";
    case Errc::NotFound: return "NotFound";
    case Errc::Exists: return "Exists";
    case Errc::NotAllowed: return "NotAllowed";
    case Errc::WrongState: return "WrongState";
    case Errc::LimitReached: return "LimitReached";
    case Errc::Io: return "Io";
    case Errc::Timeout: return "Timeout";
    case Errc::Closed: return "Closed";
    case Errc::Unsupported: return "Unsupported";
    case Errc::BadConfig: return "BadConfig";
    case Errc::Internal: return "Internal";
  }
  return "?";
}

std::string to_string(const Error& error) {
  std::string out{name(error.code)};
  if (!error.where.empty()) out += ": " + error.where;
  return out;
}

}  // namespace wzp
