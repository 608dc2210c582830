#!/usr/bin/env python
# -*- coding: utf-8 -*-
# A frozen graph of TensorFlow 1 behind EAS's allspark, in the shape of the sample of EAS's documents.
import allspark
import numpy as np
import tensorflow as tf


class DigitProcessor(allspark.BaseProcessor):
    """ 784 bytes, the grey values of a digit, go in; the digit comes out
    """
    def initialize(self):
        """ load the model, once, when the service starts """
        graph_def = tf.GraphDef()
        with tf.gfile.GFile(self.get_model_path(), 'rb') as f:
            graph_def.ParseFromString(f.read())
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.import_graph_def(graph_def, name='')
        self.sess = tf.Session(graph=self.graph)
        self.image = self.graph.get_tensor_by_name('image:0')
        self.scores = self.graph.get_tensor_by_name('scores:0')

    def pre_process(self, data):
        """ what comes in is bytes """
        return np.frombuffer(data, np.uint8).reshape(1, 28, 28, 1) / 255.

    def post_process(self, scores):
        """ what goes out is bytes """
        return bytes(str(scores.argmax()), encoding='utf8')

    def process(self, data):
        """ one request """
        scores = self.sess.run(self.scores, feed_dict={self.image: self.pre_process(data)})
        return self.post_process(scores), 200


if __name__ == '__main__':
    # worker_threads is how many requests are processed at once
    runner = DigitProcessor(worker_threads=10, worker_processes=1)
    runner.run()
