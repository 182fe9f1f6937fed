"""GGUF models on this machine, run by llama.cpp in a worker process."""
