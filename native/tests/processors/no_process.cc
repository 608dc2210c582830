extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}
