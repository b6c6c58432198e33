"""What `ccm_tf.export_tflite` consists of: converting, quantising, comparing."""
