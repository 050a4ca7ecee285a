#include "common/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace wzp::app {
namespace {

namespace fs = std::filesystem;

Unexpected io_failure(const fs::path& path, int error) {
  return {error == ENOENT ? Errc::NotFound : Errc::Io, path.string() + ": " + std::strerror(error)};
}

Result<void> write_all(int fd, ByteView content, const fs::path& path) {
  while (!content.empty()) {
    const auto n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_failure(path, errno);
    content = content.subspan(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return io_failure(path, errno);
  return {};
}

// Writes a finished file under a name of its own, next to where it shall appear.
Result<fs::path> write_aside(const fs::path& path, ByteView content) {
  std::string temporary = path.string() + ".XXXXXX";
  const int fd = ::mkstemp(temporary.data());  // mode 0600
  if (fd < 0) return io_failure(path, errno);
  const auto written = write_all(fd, content, path);
  ::close(fd);
  if (!written) {
    ::unlink(temporary.c_str());
    return written.failure();
  }
  return fs::path{temporary};
}

Result<void> make_folders(const fs::path& folder) {
  if (folder.empty() || fs::exists(folder)) return {};
  if (const auto parents = make_folders(folder.parent_path()); !parents) return parents;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return io_failure(folder, errno);
  return {};
}

}  // namespace

Result<Bytes> read_file(const fs::path& path, std::size_t limit) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_failure(path, errno);
  Bytes out;
  std::array<std::uint8_t, 65536> chunk;
  for (;;) {
    const auto n = ::read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      ::close(fd);
      return io_failure(path, error);
    }
    if (n == 0) break;
    append(out, ByteView{chunk}.first(static_cast<std::size_t>(n)));
    if (out.size() > limit) {
      ::close(fd);
      return Unexpected{Errc::TooLong, path.string() + ": more than " + std::to_string(limit) + " bytes"};
    }
  }
  ::close(fd);
  return out;
}

Result<void> create_private_file(const fs::path& path, ByteView content) {
  if (const auto made = make_folders(path.parent_path()); !made) return made;
  const auto temporary = write_aside(path, content);
  if (!temporary) return temporary.failure();
  // link() fails when the name exists, where rename() would silently replace it.
  const int rc = ::link(temporary->c_str(), path.c_str());
  const int error = errno;
  ::unlink(temporary->c_str());
  if (rc == 0) return {};
  if (error == EEXIST) return Unexpected{Errc::Exists, path.string() + ": exists already"};
  return io_failure(path, error);
}

Result<void> replace_file(const fs::path& path, ByteView content) {
  if (const auto made = make_folders(path.parent_path()); !made) return made;
  const auto temporary = write_aside(path, content);
  if (!temporary) return temporary.failure();
  if (::rename(temporary->c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(temporary->c_str());
  return io_failure(path, error);
}

fs::path user_file(const std::string& name) {
  const char* home = std::getenv("HOME");
  return (home != nullptr && *home != '\0' ? fs::path{home} : fs::path{"."}) / ".wzp" / name;
}

}  // namespace wzp::app
