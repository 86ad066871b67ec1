using System.Numerics;

namespace Hostmemd.Kvm;

/// <summary>Small numbers from 0 on, each given to one holder at a time: the lowest free one, or one that is asked for.</summary>
/// <remarks>A bit for each number, and where the first word with a free one may be, so that taking it costs the same however many are taken. Not thread safe.</remarks>
public sealed class NumberPool
{
    private const int WordBits = 64;

    // A set bit is a number that is taken; what is behind the end is free.
    private ulong[] _taken = new ulong[2];
    private int _firstWithFree;

    public int Count { get; private set; }

    /// <summary>Takes the lowest free number.</summary>
    public int Take()
    {
        var number = LowestFree();
        Set(number);
        return number;
    }

    /// <summary>Takes this number.</summary>
    /// <returns>false: somebody has it.</returns>
    public bool TryTake(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        if (IsTaken(number))
            return false;
        Set(number);
        return true;
    }

    public bool IsTaken(int number) => number / WordBits < _taken.Length && (_taken[number / WordBits] & Bit(number)) != 0;

    /// <summary>Gives a number back.</summary>
    /// <returns>false: nobody had it.</returns>
    public bool Release(int number)
    {
        if (number < 0 || !IsTaken(number))
            return false;
        _taken[number / WordBits] &= ~Bit(number);
        _firstWithFree = Math.Min(_firstWithFree, number / WordBits);
        Count--;
        return true;
    }

    private static ulong Bit(int number) => 1UL << (number % WordBits);

    private int LowestFree()
    {
        while (_firstWithFree < _taken.Length && _taken[_firstWithFree] == ulong.MaxValue)
            _firstWithFree++;
        return (_firstWithFree * WordBits) + (_firstWithFree < _taken.Length ? BitOperations.TrailingZeroCount(~_taken[_firstWithFree]) : 0);
    }

    private void Set(int number)
    {
        if (number / WordBits >= _taken.Length)
            Array.Resize(ref _taken, Math.Max(_taken.Length * 2, (number / WordBits) + 1));
        _taken[number / WordBits] |= Bit(number);
        Count++;
    }
}
