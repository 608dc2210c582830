package eas.host;

import java.lang.reflect.Method;

/** Which types Process may return, as declared in {@link AnswerForms}. */
final class AnswerFormTest {
  void typesThatAnswerLater() {
    for (Method method : AnswerForms.Later.class.getDeclaredMethods()) {
      Check.same(method.getName() + " LATER", method.getName() + " " + AnswerForm.of(method));
    }
  }

  void typesThatAnswerInParts() {
    for (Method method : AnswerForms.InParts.class.getDeclaredMethods()) {
      AnswerForm form = AnswerForm.of(method);
      boolean known = form != null && form != AnswerForm.AT_ONCE && form != AnswerForm.LATER;
      Check.same(method.getName() + " true", method.getName() + " " + known);
    }
  }

  void typesThatAreNoAnswers() {
    for (Method method : AnswerForms.Wrong.class.getDeclaredMethods()) {
      Check.same(method.getName() + " null", method.getName() + " " + AnswerForm.of(method));
    }
  }
}
