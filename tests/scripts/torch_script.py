"""A plain PyTorch training script, as one finds it: it knows nothing of minigrad.

test_torch_script.py runs it as it is where PyTorch is installed, and with `minigrad` for `torch` in its import lines.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self, num_classes=3):
        super(Net, self).__init__()  # noqa: UP008
        self.conv1 = nn.Conv2d(1, 4, 3, 1, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 8, kernel_size=3, stride=1)
        self.dropout1 = nn.Dropout(0.0)
        self.fc1 = nn.Linear(8 * 3 * 3, 16)
        self.fc2 = nn.Linear(16, num_classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.conv2(x)
        x = F.relu(x)
        x = F.max_pool2d(x, 2)
        x = self.dropout1(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        output = F.log_softmax(x, dim=1)
        return output


class Stripes(Dataset):
    """Images whose class is the direction of their stripes: across, down or none."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        kind = index % 3
        ramp = torch.arange(8.0)
        wave = torch.sin(ramp * (1.0 + 0.1 * (index % 7)) + index)
        if kind == 0:
            image = wave.unsqueeze(0).expand(8, 8)
        elif kind == 1:
            image = wave.unsqueeze(1).repeat(1, 8)
        else:
            image = torch.outer(wave, wave)
        return image.unsqueeze(0).contiguous(), kind


def fill(model):
    """The same weights whatever the library's random numbers."""
    with torch.no_grad():
        for number, param in enumerate(model.parameters()):
            values = torch.sin(torch.arange(float(param.numel())) * (1 + number)) * 0.3
            param.copy_(values.view(param.size()) if param.dim() > 1 else values.abs())


def train(model, device, train_loader, optimizer, epoch, log):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
        optimizer.step()
        if batch_idx % 2 == 0:
            log.append(("train", epoch, batch_idx * len(data), len(train_loader.dataset), round(loss.item(), 4)))


def test(model, device, test_loader, log):
    model.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            test_loss += F.nll_loss(output, target, reduction="sum").item()
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    test_loss /= len(test_loader.dataset)
    log.append(("test", round(test_loss, 3), correct, len(test_loader.dataset)))


def main(path, optimizer_name="Adadelta", epochs=2):
    torch.manual_seed(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    log = []
    train_loader = DataLoader(Stripes(24), batch_size=6, shuffle=False)
    test_loader = DataLoader(Stripes(12), batch_size=5)

    model = Net().to(device)
    fill(model)
    assert isinstance(model.fc1.weight, torch.Tensor) and next(model.parameters()).is_leaf
    optimizer = getattr(optim, optimizer_name)(model.parameters(), lr=0.05)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    for epoch in range(1, epochs + 1):
        train(model, device, train_loader, optimizer, epoch, log)
        test(model, device, test_loader, log)
        scheduler.step()
        log.append(("lr", round(scheduler.get_last_lr()[0], 6), optimizer.param_groups[0]["lr"] < 0.05))

    # A second stage: warm-up and cosine, a criterion module, a random split, cross entropy on raw scores.
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    head = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3)).to(device)
    fill(head)
    optimizer = optim.AdamW(head.parameters(), lr=1e-2, weight_decay=1e-2)
    warmup = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=2)
    cosine = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    scheduler = optim.lr_scheduler.SequentialLR(optimizer, schedulers=[warmup, cosine], milestones=[2])
    images = torch.stack([Stripes(12)[i][0] for i in range(12)], dim=0)
    labels = torch.tensor([i % 3 for i in range(12)], dtype=torch.long)
    parts = random_split(TensorDataset(images, labels), [9, 3], generator=torch.Generator().manual_seed(0))
    assert [len(part) for part in parts] == [9, 3]
    for _step in range(6):
        scores = head(images)
        loss = criterion(scores, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
        log.append(("head", round(loss.item(), 4), round(scheduler.get_last_lr()[0], 7)))
    accuracy = (torch.max(head(images), 1)[1] == labels).float().mean().item()
    log.append(("accuracy", round(accuracy, 4), str(images.dtype).split(".")[-1], list(images.shape)))

    # What is saved is what is loaded.
    torch.save(model.state_dict(), path)
    again = Net()
    again.load_state_dict(torch.load(path, map_location=device, weights_only=True))
    again.to(device).eval()
    model.eval()
    with torch.no_grad():
        log.append(("reloaded", torch.allclose(again(images), model(images))))
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    log.append(("parameters", count, list(model.state_dict())))
    return log
