import Hummingbird
import Yams
import ArgumentParser
print("x")
