// Follows a pointer that lies in freed memory: of a size that is not allocated otherwise, so malloc has overwritten it.
struct Model {
  int* weights;
  char name[900];
};

static int weight_of(const Model* model) { return model->weights[0]; }

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return new Model{new int[4]};
}

extern "C" int process(void* model, const void*, int, void**, int*) {
  delete static_cast<Model*>(model);
  return weight_of(static_cast<Model*>(model));
}
