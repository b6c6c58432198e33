"""Programs that use ccm_tf from end to end: `python -m tasks.cifar_vgg16 --help`."""
