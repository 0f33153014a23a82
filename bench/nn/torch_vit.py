# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Images a second of CPU time of a small ViT in PyTorch, one thread: the other side of nn.ratios.cpp.

torch_vit.py <rounds> prints one line each: "training N", "batch128 N", "batch1 N", the medians over the rounds.
"""
import statistics
import sys
import time

import torch
from torch import nn

DIM, DEPTH, HEADS, MLP, PATCH, SIDE, CLASSES = 64, 4, 4, 128, 4, 28, 10


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(DIM, 1e-6), nn.LayerNorm(DIM, 1e-6)
        self.qkv, self.proj = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)
        self.fc1, self.fc2 = nn.Linear(DIM, MLP), nn.Linear(MLP, DIM)

    def forward(self, x):
        batch, tokens, _ = x.shape
        heads = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, HEADS, DIM // HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        scores = (query @ key.transpose(-2, -1)) * (DIM // HEADS) ** -0.5
        context = (scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, tokens, DIM)
        x = x + self.proj(context)
        return x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        tokens = (SIDE // PATCH) ** 2 + 1
        self.patches = nn.Conv2d(1, DIM, PATCH, PATCH)
        self.token = nn.Parameter(torch.zeros(1, 1, DIM))
        self.positions = nn.Parameter(torch.randn(1, tokens, DIM) * 0.02)
        self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
        self.norm, self.head = nn.LayerNorm(DIM, 1e-6), nn.Linear(DIM, CLASSES)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


def rate(images, rounds, work):
    work()
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return images / statistics.median(seconds)


def main():
    rounds = int(sys.argv[1])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    vit = Vit()
    optimizer = torch.optim.AdamW(vit.parameters(), 1e-3, weight_decay=0.05)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    images, labels = torch.randn(128, 1, SIDE, SIDE), torch.randint(CLASSES, (128,))

    def step():
        optimizer.zero_grad()
        loss(vit(images), labels).backward()
        optimizer.step()

    print("training", rate(128, rounds, step))
    with torch.no_grad():
        print("batch128", rate(128, rounds, lambda: vit(images)))
        print("batch1", rate(16, rounds, lambda: [vit(images[i : i + 1]) for i in range(16)]))


main()
