// Ends a worker when its host dies, and whatever the processor has started when the worker dies.
#ifndef EAS_NATIVE_GUARDIAN_H_
#define EAS_NATIVE_GUARDIAN_H_

namespace eas {

// See eas_die_with_parent.
void DieWithParent(int parent);

}  // namespace eas

#endif  // EAS_NATIVE_GUARDIAN_H_
