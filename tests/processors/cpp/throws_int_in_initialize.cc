// Throws something that is no std::exception while it loads.
extern "C" void* initialize(const char*, const char*, int*) { throw 42; }
extern "C" int process(void*, const void*, int, void**, int*) { return 200; }
