// Writes into a string literal.
extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) {
  char* text = const_cast<char*>("constant");
  text[0] = 'C';
  return 200;
}
