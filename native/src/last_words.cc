#include "last_words.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <typeinfo>

namespace eas {
namespace {

// glibc's struct abort_msg_s: the bytes of the text with its NUL, then the text.
struct AbortMessage {
  unsigned size;
  char text[1];
};

AbortMessage** abort_message = nullptr;  // glibc's __abort_msg

// Of the processor's C++ runtime, under the names that GCC's ABI gives them.
std::type_info* (*current_type)() = nullptr;          // abi::__cxa_current_exception_type
std::exception_ptr (*current_exception)() = nullptr;  // std::current_exception

void Copy(const char* from, size_t length, char* to, size_t size) {
  length = std::min(length, size - 1);
  std::memcpy(to, from, length);
  to[length] = '\0';
}

// The thrown object, without an owner: the process ends. An exception_ptr is a pointer to the object.
void* CurrentObject() {
  alignas(std::exception_ptr) unsigned char place[sizeof(std::exception_ptr)];
  auto* const pointer = new (place) std::exception_ptr(current_exception());
  void* object = nullptr;
  static_assert(sizeof(*pointer) == sizeof(object), "GCC's std::exception_ptr has one member");
  std::memcpy(&object, pointer, sizeof(object));
  return object;
}

}  // namespace

void FindAbortMessage() { abort_message = static_cast<AbortMessage**>(dlsym(RTLD_DEFAULT, "__abort_msg")); }

void FindRuntime(void* library) {
  current_type = reinterpret_cast<decltype(current_type)>(dlsym(library, "__cxa_current_exception_type"));
  current_exception =
      reinterpret_cast<decltype(current_exception)>(dlsym(library, "_ZSt17current_exceptionv"));
}

void WriteAbortMessage(char* text, size_t size) {
  const AbortMessage* message = abort_message != nullptr ? *abort_message : nullptr;
  if (message != nullptr) Copy(message->text, strnlen(message->text, message->size), text, size);
}

void WriteException(char* type, size_t type_size, char* what, size_t what_size) {
  if (current_type == nullptr || current_exception == nullptr) return;
  const std::type_info* thrown = current_type();
  if (thrown == nullptr) return;
  Copy(thrown->name(), std::strlen(thrown->name()), type, type_size);
  // The runtime's own test for a catch clause; it compares names, so it works across runtimes.
  void* object = CurrentObject();
  if (object == nullptr || !typeid(std::exception).__do_catch(thrown, &object, 1)) return;
  const char* text = static_cast<const std::exception*>(object)->what();
  if (text != nullptr) Copy(text, std::strlen(text), what, what_size);
}

}  // namespace eas
