"""
Makes a frozen graph of TensorFlow 1 from the weights of an ONNX file: `make_model.py MNIST.ONNX FOLDER`.
"""
import os
import sys

import onnx
import tensorflow as tf
from onnx import numpy_helper

HALVED = (0, 2)


def main(source, folder):
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(source).graph.initializer}
    with tf.Graph().as_default() as graph:
        last = tf.placeholder(tf.float32, [None, 28, 28, 1], name="image")
        for index in range(4):
            kernel = tf.constant(weights["kernel%d" % index].transpose(2, 3, 1, 0))
            last = tf.nn.conv2d(last, kernel, strides=[1, 1, 1, 1], padding="VALID")
            last = tf.nn.relu(last + weights["bias%d" % index])
            if index in HALVED:
                last = tf.nn.max_pool(last, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID")
        features = tf.reshape(tf.transpose(last, [0, 3, 1, 2]), [-1, 256])  # ONNX has the channels first
        tf.nn.softmax(tf.matmul(features, weights["matrix"].T) + weights["bias"], name="scores")
        with open(os.path.join(folder, "digits.pb"), "wb") as file:
            file.write(graph.as_graph_def().SerializeToString())


main(*sys.argv[1:])
