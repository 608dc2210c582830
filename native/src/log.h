// Log records for the front: a level byte, the text, and the byte 0x1e, written to a pipe that only this
// process writes. Records are never mixed: a lock is held until the whole record is written.
#ifndef EAS_NATIVE_LOG_H_
#define EAS_NATIVE_LOG_H_

#include <string_view>

namespace eas {

// See eas_log_open and eas_log.
void OpenLog(int fd);
void Log(char level, std::string_view text);

}  // namespace eas

#endif  // EAS_NATIVE_LOG_H_
