"""What differs between two images besides geometry, for batches on a torch device."""
import torch
from torch import Tensor
from torch.nn import functional as F

BLUR_RADIUS = 5
SHADOW_CELLS = 6
MISRECTIFIED_PX = 0.7


class Photometrics:
    """
    Changes both images of pairs, each in its own way.

    Light, colour, shadows, blur, grey and noise as in ``data.synthetic.photometrics``; fog,
    highlights, motion blur, compression and erased patches are left out.

    :param share: of the pairs that are changed.
    :param strength: multiplies all effects.
    :param misrectified_share: stereo pairs whose second image is slightly off its rows.
    """

    def __init__(self, share: float, strength: float, misrectified_share: float) -> None:
        self._share = share
        self._strength = strength
        self._misrectified = misrectified_share

    def apply(self, images: tuple[Tensor, Tensor], stereo: Tensor,
              random: torch.Generator) -> tuple[Tensor, Tensor]:
        """
        Change the images.

        :param images: (B, 3, H, W) float32, 0 to 255, each.
        :param stereo: (B,) bool.
        :param random: generator on the device of the images.
        :returns: the changed images, rounded to whole levels.
        """
        draw = _Draw(random, len(stereo))
        second = images[1]
        if self._misrectified > 0:
            off = stereo & (draw.uniform(1).flatten() < self._misrectified)
            second = _off_its_rows(second, off, draw)
        if self._share == 0 or self._strength == 0:
            return _levels(images[0]), _levels(second)
        amount = self._strength * torch.exp(draw.normal(1) * 0.7 - 0.7).clamp(max=3.0)
        amount = amount * (draw.uniform(1) < self._share)
        grey = draw.chance(0.18) & (amount > 0)
        noise = amount * torch.exp(0.8 * draw.normal(1) + 0.6) * draw.chance(0.7)
        dark = (0.35 * amount * (0.5 + draw.uniform(1))).clamp(max=0.75) * draw.chance(0.25)
        sharp = 1.5 + 10 * draw.uniform(1)
        field = draw.normal(SHADOW_CELLS ** 2).reshape(-1, 1, SHADOW_CELLS, SHADOW_CELLS)
        changed = []
        for image in (images[0], second):
            lit = image * (1 - dark * _shadow(field, sharp, image.shape[-2:], draw))
            seen = _exposure(_blur(lit, amount, draw), amount, draw)
            seen = torch.where(grey, seen.mean(1, keepdim=True), seen)
            changed.append(_levels(_noise(seen, noise, draw)))
        return changed[0], changed[1]


class _Draw:
    """Random numbers, (B, n, 1, 1), for each pair."""

    def __init__(self, random: torch.Generator, count: int) -> None:
        self.random = random
        self.count = count

    def uniform(self, n: int) -> Tensor:
        return torch.rand((self.count, n, 1, 1), generator=self.random,
                          device=self.random.device)

    def normal(self, n: int) -> Tensor:
        return torch.randn((self.count, n, 1, 1), generator=self.random,
                           device=self.random.device)

    def chance(self, share: float) -> Tensor:
        return self.uniform(1) < share


def _levels(image: Tensor) -> Tensor:
    return image.clamp(0, 255).floor()


def _shadow(field: Tensor, sharp: Tensor, size: torch.Size, draw: _Draw) -> Tensor:
    """(B, 1, H, W) from 0 to 1; somewhere else in each image."""
    margin = size[1] // 8
    whole = F.interpolate(field, (size[0] + 2 * margin, size[1] + 2 * margin), mode='bicubic',
                          align_corners=False)
    shift = (draw.uniform(2).reshape(-1, 2) * 2 * margin).long()
    rows = shift[:, 1, None] + torch.arange(size[0], device=field.device)
    columns = shift[:, 0, None] + torch.arange(size[1], device=field.device)
    pair = torch.arange(draw.count, device=field.device)[:, None, None]
    return torch.sigmoid(sharp * (whole[pair, 0, rows[:, :, None], columns[:, None]][:, None]
                                  - 0.3))


def _blur(image: Tensor, amount: Tensor, draw: _Draw) -> Tensor:
    deviation = (0.5 * amount * torch.exp(0.5 * draw.normal(1))).clamp(0.2, 2.5)
    deviation = torch.where(draw.chance(0.36) & (amount > 0), deviation, 0.05)
    reach = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=image.device)
    kernel = torch.exp(-0.5 * (reach / deviation.reshape(-1, 1)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    batch, channels, height, _ = image.shape
    flat = F.pad(image, (BLUR_RADIUS,) * 4, mode='reflect').reshape(1, batch * channels,
                                                                   height + 2 * BLUR_RADIUS, -1)
    flat = F.conv2d(flat, kernel[:, None, None], groups=batch * channels)
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=batch * channels)
    return flat.reshape(image.shape)


def _exposure(image: Tensor, amount: Tensor, draw: _Draw) -> Tensor:
    height, width = image.shape[-2:]
    u = torch.linspace(-1, 1, width, device=image.device)
    v = torch.linspace(-1, 1, height, device=image.device)[:, None]
    slope = 0.06 * amount * draw.normal(2) * draw.chance(0.35)
    fall = 0.12 * amount * draw.uniform(1) * draw.chance(0.18)
    image = image * (1 + slope[:, :1] * u + slope[:, 1:] * v - fall * (u * u + v * v))
    weight = (0.15 * amount * draw.normal(1)).clamp(-0.4, 0.8) * draw.chance(0.3)
    image = torch.lerp(image, image.mean(1, keepdim=True), weight)
    image = image * torch.exp(0.10 * amount * draw.normal(1) + 0.035 * amount * draw.normal(3))
    image = image + 6 * amount * draw.normal(1)
    gamma = torch.exp(0.15 * amount * draw.normal(1) * draw.chance(0.4))
    return 255 * (image.clamp(1e-3, 255) / 255) ** gamma


def _noise(image: Tensor, strength: Tensor, draw: _Draw) -> Tensor:
    noise = torch.randn(image.shape, generator=draw.random, device=image.device)
    noise = torch.where(draw.chance(0.3), noise[:, :1], noise)
    scale = torch.where(draw.chance(0.5), torch.ones_like(image), (image + 8).sqrt() / 11)
    return image + strength * (0.6 + 0.8 * draw.uniform(1)) * scale * noise


def _off_its_rows(image: Tensor, off: Tensor, draw: _Draw) -> Tensor:
    """Rotate and shift some images by up to 0.7 px."""
    height, width = image.shape[-2:]
    angle, shift = ((draw.uniform(1).flatten() - 0.5) * MISRECTIFIED_PX for _ in range(2))
    angle = angle * off / (width / 2)
    x = torch.arange(width, device=image.device) - (width - 1) / 2
    y = (torch.arange(height, device=image.device) - (height - 1) / 2)[:, None]
    cos, sin = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    u = (cos * x - sin * y) * (2 / width)
    v = (sin * x + cos * y + (shift * off)[:, None, None]) * (2 / height)
    return F.grid_sample(image, torch.stack([u, v], -1), padding_mode='border',
                         align_corners=False)
