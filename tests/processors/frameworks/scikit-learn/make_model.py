"""
Trains a classifier on scikit-learn's own digits, all but ten: `make_model.py - FOLDER`. These ten, one of each digit,
go into samples.json with what they show.
"""
import json
import os
import sys

import joblib
from sklearn.datasets import load_digits
from sklearn.svm import SVC

HELD_OUT = range(10, 20)  # the digits come in their order


def main(_, folder):
    digits = load_digits()
    trained = [i for i in range(len(digits.data)) if i not in HELD_OUT]
    model = SVC(gamma=0.001).fit(digits.data[trained], digits.target[trained])
    joblib.dump(model, os.path.join(folder, "digits.joblib"))
    samples = [(" ".join("%g" % value for value in digits.data[i]), str(digits.target[i])) for i in HELD_OUT]
    with open(os.path.join(folder, "samples.json"), "w") as file:
        json.dump(samples, file)


main(*sys.argv[1:])
