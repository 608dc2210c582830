// The bytes of a Java array, as long as an object of this class lives. There are none if the JVM has no memory for a
// copy of them.
#ifndef EAS_JAVA_BYTES_H_
#define EAS_JAVA_BYTES_H_

#include <jni.h>
#include <stddef.h>

class Bytes {
 public:
  Bytes(JNIEnv* env, jbyteArray array) : env_(env), array_(array) {
    bytes_ = env->GetByteArrayElements(array, nullptr);
    size_ = bytes_ == nullptr ? 0 : static_cast<size_t>(env->GetArrayLength(array));
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() {
    if (bytes_ != nullptr) env_->ReleaseByteArrayElements(array_, bytes_, JNI_ABORT);
  }
  const char* data() const { return reinterpret_cast<const char*>(bytes_); }
  size_t size() const { return size_; }

 private:
  JNIEnv* env_;
  jbyteArray array_;
  jbyte* bytes_;
  size_t size_;
};

#endif  // EAS_JAVA_BYTES_H_
