// What broken.Native calls: it writes through a null pointer.
#include <jni.h>

struct Model {
  int weights[4];
};

static Model* model = nullptr;

extern "C" JNIEXPORT jstring JNICALL Java_broken_Native_score(JNIEnv*, jclass, jstring input) {
  model->weights[2] = 1;
  return input;
}
